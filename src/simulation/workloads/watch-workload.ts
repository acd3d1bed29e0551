import type { WatchRequest } from '../../store/index.js';
import type { SimDice } from '../sim-dice.js';
import type { SimClient } from '../scenario/sim-client.js';
import type { World } from '../scenario/world.js';
import { compactedTo } from './compacted-to.js';

/** Watches of one client at a time. */
const OPEN_MAX = 3;

/**
 * Clients that watch: everything or a key, from now, from the past or from the first revision on,
 * with filters and previous values; some read slowly, some leave soon, some stay to the end.
 */
export async function watchWorkload(world: World): Promise<void> {
  const clients = [
    world.addClient({ pingMs: 500 }),
    world.addClient({ windowMessages: 2, readMs: 300 }),
    world.addClient({ windowMessages: 32 }),
  ];
  clients[0]?.store.watch({ key: '\0', rangeEnd: '\0', startRevision: 1 }).subscribe(ignoreErrors);
  await Promise.all(clients.map((client) => runClient(world, client)));
}

/** What goes wrong with a watch is in the history. */
const ignoreErrors = { error: (): void => undefined };

async function runClient(world: World, client: SimClient): Promise<void> {
  const { dice, store } = client;
  while (!world.isEnding) {
    await client.pause(dice.between(200, 5000));
    if (world.isEnding || store.watches.size >= OPEN_MAX) continue;
    const past = dice.below(4) === 0 ? compactedTo(world) : undefined;
    const request = requestOf(dice, world.revisionMax, past);
    const watch = store.watch(request).subscribe(ignoreErrors);
    const staysMs = dice.below(4) === 0 ? Number.POSITIVE_INFINITY : dice.between(100, 20_000);
    if (staysMs < Number.POSITIVE_INFINITY) {
      client.process.clock.timer(staysMs, () => watch.unsubscribe());
    }
  }
}

/** @param past - Where to begin, if that is not left to chance */
function requestOf(dice: SimDice, revision: number, past: number | undefined): WatchRequest {
  const roll = dice.below(5);
  const range =
    roll < 2
      ? { key: 'k', rangeEnd: 'l' }
      : roll === 2
        ? { key: '\0', rangeEnd: '\0' }
        : oneKey(dice);
  const start = dice.below(6);
  const startRevision =
    start < 2 ? 0 : start < 5 ? Math.max(1, revision - dice.below(60)) : revision + dice.below(5);
  return {
    ...range,
    startRevision: past ?? startRevision,
    ...(dice.below(3) === 0 ? { prevKv: true } : {}),
    ...(dice.below(8) === 0 ? { noPut: true } : {}),
    ...(dice.below(8) === 0 ? { noDelete: true } : {}),
    ...(dice.below(4) === 0 ? { progressNotify: true } : {}),
  };
}

function oneKey(dice: SimDice): { readonly key: string } {
  return { key: `k${dice.below(10)}` };
}
