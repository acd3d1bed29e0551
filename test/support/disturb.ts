// One random fault at one client of a world, for schedules that no person would think of, and the
// way back to calm.
import type { Random } from '../../src/ports/random.js';
import type { Client, World } from './world.js';

/** Does one random thing to `client`: a fault of network, clock or loop, or the end of one. */
export function disturb(random: Random, client: Client): void {
  const { store, clock } = client;
  const faults: readonly (() => void)[] = [
    () => store.partition('fail'),
    () => store.partition('hang'),
    () => store.heal(),
    () => store.heal(),
    () => store.heal(),
    () => store.loseResponse(() => true),
    () => store.loseRequest(() => true),
    () => client.block(),
    () => client.unblock(random.below(2) === 0 ? 'timers-first' : 'network-first'),
    () => store.breakWatches(),
    () => store.dropNextEvent(() => true),
    () => store.delayRequest(() => true, random.below(3000)),
    () => clock.jumpWall(random.below(20_000) - 10_000),
  ];
  faults[random.below(faults.length)]?.();
}

/** Ends what lasts of the faults. */
export function calm(client: Client): void {
  client.unblock();
  client.store.heal();
}

/** Discards all history that may be discarded. */
export function compactAll({ server }: World): void {
  const { kv } = server;
  if (kv.revision <= kv.compactedRevision + 1) return;
  server.run(() => {
    kv.compact(kv.revision);
    return {};
  });
}
