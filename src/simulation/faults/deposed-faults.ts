import type { SimClient } from '../scenario/sim-client.js';
import type { World } from '../scenario/world.js';
import type { SimMachine } from '../sim-machine.js';
import { CALM_WEATHER } from '../sim-network.js';
import type { Fault } from './fault.js';

/** The leader, and the machines of all others. */
interface Sides {
  readonly leader: SimMachine;
  readonly others: readonly SimMachine[];
}

function sidesOf({ cluster }: World): Sides | undefined {
  const { leader, members } = cluster;
  if (leader === undefined || leader.machine.isPaused) return undefined;
  const others = members.filter((member) => member !== leader);
  return { leader: leader.machine, others: others.map(({ machine }) => machine) };
}

/** Longest step by which the way to the leader gets longer, in election timeouts. */
const STEP = 0.25;

/**
 * What the leader is told takes longer and longer, by several election timeouts at last, and then
 * it is not heard any more. For so long it still gets answers of followers that have another leader
 * by now: it believes to lead, and has clients that ask.
 */
export const loseVoice: Fault = {
  membersMin: 3,
  perform: async (world, dice) => {
    const sides = sidesOf(world);
    if (sides === undefined) return;
    const { network, electionMs } = world;
    const { leader, others } = sides;
    world.noteFault('N2b', leader.name);
    const lateMs = electionMs * dice.between(2.5, 4.5);
    // Slowly: whoever hears nobody for a whole timeout does not lead any more.
    for (let ms = 0; ms < lateMs && !world.isHealing; ms += electionMs * STEP) {
      const weather = { ...CALM_WEATHER, latencyMinMs: ms, latencyMaxMs: ms + 2 };
      for (const other of others) network.setLinkWeather(other, leader, weather);
      await world.hold(electionMs * STEP * 1.5);
    }
    await world.hold(dice.between(0, lateMs));
    for (const other of others) network.setCut(leader, other, true);
    await world.hold(lateMs + electionMs);
    for (const other of others) {
      network.setCut(leader, other, false);
      network.setLinkWeather(other, leader, CALM_WEATHER);
    }
    await world.hold(dice.between(100, 2000));
  },
};

/** Leases that are kept alive while their leader is away, */
const LEASES = 8;
/** and time between two signs of life of one of them, in election timeouts. */
const BEAT = 1.2;

/**
 * The leader loses the others for about as long as a short lease lasts, while leases of which it
 * hears nothing are kept alive through the others. What is due by its clock is none of its business
 * any more when it is heard again.
 */
export const renewElsewhere: Fault = {
  membersMin: 3,
  perform: async (world, dice) => {
    const { network, electionMs } = world;
    const client = world.addClient({ isRestless: true });
    let isOver = false;
    const beating = Array.from({ length: LEASES }, (_, at) =>
      keepOne(world, client, at, () => isOver).catch(ignore),
    );
    await world.hold(electionMs * dice.between(3, 5));
    const sides = sidesOf(world);
    if (sides !== undefined && !world.isHealing) {
      const { leader, others } = sides;
      world.noteFault('N7b', leader.name);
      const cut = (isCut: boolean): void => {
        for (const other of others) {
          network.setCut(leader, other, isCut);
          network.setCut(other, leader, isCut);
        }
      };
      cut(true);
      await world.hold(electionMs * dice.between(2.5, 4));
      cut(false);
    }
    await world.hold(electionMs * dice.between(2, 4));
    isOver = true;
    await Promise.all(beating);
  },
};

/** What becomes of a lease is in the history. */
const ignore = (): void => undefined;

/** Grants the shortest lease there is, with a key, and renews it without waiting for answers. */
async function keepOne(
  world: World,
  client: SimClient,
  number: number,
  isOver: () => boolean,
): Promise<void> {
  const { store } = client;
  const beatMs = world.electionMs * BEAT;
  await world.hold((beatMs * number) / LEASES);
  const { id } = await store.leases.grant({ ttlSeconds: 1 });
  const key = `kept/${client.number}/${number}`;
  await store.put({ key, value: key, lease: id });
  while (!isOver() && !world.isHealing) {
    store.leases.keepAlive(id).catch(ignore);
    await world.hold(beatMs);
  }
}
