// The recipes that give something to one owner at a time, behind one face, so that one suite can
// judge them all. A recipe joins the suite with one entry here.
import type { Coordination, Leadership } from '../../../src/recipes/index.js';
import type {
  OwnedThing,
  SoleOwnerRecipe,
} from '../../../src/simulation/conformance/sole-owner.js';

/** One who competes. */
export interface Rival {
  readonly name: string;
  readonly coord: Coordination;
}

/** A recipe that joins the suite, on any store. */
export type Contender = SoleOwnerRecipe<Rival>;

/** Almost everything that is held has the same handle, but for the number that fences. */
function gripOf(
  held: Pick<OwnedThing, 'signal' | 'assertHeld' | 'release'>,
  fence: number | undefined,
): OwnedThing {
  return {
    fence,
    signal: held.signal,
    assertHeld: () => held.assertHeld(),
    release: () => held.release(),
  };
}

const startsWith =
  (...prefixes: readonly string[]) =>
  (keys: readonly string[]): readonly string[] =>
    keys.filter((key) => prefixes.some((prefix) => key.startsWith(prefix)));

export const CONTENDERS: readonly Contender[] = [
  {
    name: 'lock',
    take: async (client, options = {}) => {
      const held = await client.coord.lock('thing').acquire(options);
      return gripOf(held, held.fence);
    },
    ownKeys: startsWith('thing/q/'),
    handOver: { events: 2, calls: 2 },
  },
  {
    name: 'lock with a session of its own',
    take: async (client, options = {}) => {
      const lock = client.coord.lock('thing');
      const held = await lock.acquire({ ...options, privateSession: { ttlSeconds: 10 } });
      return gripOf(held, held.fence);
    },
    ownKeys: startsWith('thing/q/'),
    handOver: { events: 2, calls: 4 },
  },
  {
    name: 'election',
    take: async (client, options = {}) => {
      const leadership = await client.coord.election('thing').campaign(options);
      return {
        fence: leadership.term,
        signal: leadership.signal,
        assertHeld: () => leadership.assertLeader(),
        release: () => leadership.resign(),
      };
    },
    ownKeys: startsWith('thing/c/', 'thing/leader'),
    handOver: { events: 3, calls: 4 },
  },
  {
    name: 'semaphore of one',
    prepare: async (client) => client.coord.semaphore('thing').setLimit(1),
    take: async (client, options = {}) => {
      const held = await client.coord.semaphore('thing').acquire(options);
      return gripOf(held, held.grantRevision);
    },
    ownKeys: startsWith('thing/@semaphore/line/', 'thing/@semaphore/held/'),
    handOver: { events: 5, calls: 4 },
  },
  {
    name: 'write lock',
    take: async (client, options = {}) => {
      const held = await client.coord.readWriteLock('thing').write(options);
      return gripOf(held, held.fence);
    },
    ownKeys: startsWith('thing/@rw/q/', 'thing/@rw/w/'),
    handOver: { events: 4, calls: 3 },
  },
  {
    name: 'several locks',
    take: async (client, options = {}) => {
      const held = await client.coord.locks(['thing/y', 'thing/x', 'thing/z']).acquire(options);
      return gripOf(held, held.fences.get('thing/x'));
    },
    ownKeys: startsWith('thing/x/q/', 'thing/y/q/', 'thing/z/q/'),
    handOver: { events: 12, calls: 10 },
  },
  {
    name: 'message of a queue',
    prepare: async (client) => {
      await client.coord.queue('thing').send('work');
    },
    take: async (client, options = {}) => {
      const message = await client.coord
        .queue('thing', { maxAttempts: 1_000_000 })
        .receive(options);
      return {
        fence: message.fence,
        signal: message.signal,
        assertHeld: () => message.assertHeld(),
        release: () => message.nack(),
      };
    },
    ownKeys: startsWith('thing/@queue/index/claim/', 'thing/@queue/index/line/'),
    handOver: { events: 8, calls: 8 },
  },
  {
    name: 'election that is handed over',
    take: async (client, options = {}) => {
      const leadership = await client.coord.election('thing').campaign(options);
      return {
        fence: leadership.term,
        signal: leadership.signal,
        assertHeld: () => leadership.assertLeader(),
        release: () => handOver(client, leadership),
      };
    },
    ownKeys: startsWith('thing/c/', 'thing/leader'),
    handOver: { events: 2, calls: 4 },
    // Listing the candidates, to choose one, takes a read for each page of them.
    crowdMax: 400,
  },
  {
    name: 'readers between writers',
    take: async (client, options = {}) => {
      const lock = client.coord.readWriteLock('thing');
      const held = await (isReader(client) ? lock.read(options) : lock.write(options));
      return gripOf(held, held.fence);
    },
    ownKeys: startsWith('thing/@rw/q/', 'thing/@rw/w/'),
    handOver: { events: 4, calls: 3 },
  },
  {
    name: 'semaphore of three, two at a time',
    prepare: async (client) => client.coord.semaphore('thing').setLimit(3),
    take: async (client, options = {}) => {
      const held = await client.coord.semaphore('thing').acquire({ ...options, weight: 2 });
      return gripOf(held, held.grantRevision);
    },
    ownKeys: startsWith('thing/@semaphore/line/', 'thing/@semaphore/held/'),
    handOver: { events: 5, calls: 4 },
  },
];

/** To the next in line; resigns when there is none. */
async function handOver(client: Rival, leadership: Leadership): Promise<void> {
  const candidates = await client.coord.election('thing').candidates();
  const next = candidates.find(({ leads }) => !leads);
  if (next === undefined) return await leadership.resign();
  const { outcome } = await leadership.transfer(next.id);
  if (outcome === 'refused') await leadership.resign();
}

const asked = new WeakMap<Rival, number>();

/** B reads, and of a crowd every other one, so that no two readers are neighbours. */
function isReader(client: Rival): boolean {
  const count = (asked.get(client) ?? 0) + 1;
  asked.set(client, count);
  return client.name === 'crowd' ? count % 2 === 0 : client.name === 'b';
}
