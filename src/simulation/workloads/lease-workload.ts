import type { SimDice } from '../sim-dice.js';
import type { SimClient } from '../scenario/sim-client.js';
import type { World } from '../scenario/world.js';

const CLIENT_COUNT = 2;

/**
 * Clients that grant short leases, attach keys, keep them alive for a while, and then revoke them,
 * move a key to another lease, or fall silent so that they expire.
 */
export async function leaseWorkload(world: World): Promise<void> {
  const clients = Array.from({ length: CLIENT_COUNT }, () => world.addClient());
  await Promise.all(clients.map((client) => runClient(world, client)));
}

async function runClient(world: World, client: SimClient): Promise<void> {
  const { dice } = client;
  for (let number = 0; !world.isEnding; number++) {
    await client.pause(dice.between(100, 4000));
    if (world.isEnding) return;
    const life = oneLease(world, client, number).catch(() => undefined);
    if (dice.below(2) === 0) await life;
  }
}

async function oneLease(world: World, client: SimClient, number: number): Promise<void> {
  const { dice, store } = client;
  const granted = await store.leases.grant({ ttlSeconds: ttlOf(dice) });
  const lease = granted.id;
  const name = `k${dice.below(10)}`;
  const value = `l${client.number}v${number}`;
  await store.put({ key: name, value, lease });
  for (let more = dice.below(3); more > 0; more--) {
    await store.put({ key: `lease/${client.number}/${number}/${more}`, value, lease });
  }
  const beats = dice.below(6);
  for (let beat = 0; beat < beats && !world.isEnding; beat++) {
    await client.pause((granted.ttlSeconds * 1000) / 3);
    const roll = dice.below(6);
    if (roll === 0) await store.leases.timeToLive({ id: lease, keys: true });
    else if (roll === 1) await store.leases.list();
    else await store.leases.keepAlive(lease).catch(() => undefined);
  }
  const end = dice.below(4);
  if (end === 0) await store.leases.revoke(lease);
  if (end === 1) await store.put({ key: name, value: `${value}.free` });
  // Otherwise nobody keeps it alive any more.
}

/** Some outlive several leaders. */
function ttlOf(dice: SimDice): number {
  return dice.below(4) === 0 ? 10 + dice.below(15) : 2 + dice.below(4);
}
