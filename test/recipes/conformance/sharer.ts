// The recipes that several may have at a time, up to a limit, behind one face, so that one suite
// can judge them all. A recipe joins the suite with one entry here.
import type { WaitOptions } from '../../../src/recipes/index.js';
import { toText } from '../../../src/store/index.js';
import type { World } from '../../support/world.js';
import type { Rival } from './contender.js';

/** A share that is had. */
export interface Share {
  readonly release: () => Promise<unknown>;
}

/** A recipe of which three may have the thing called "thing". */
export interface Sharer {
  readonly name: string;
  readonly prepare: (client: Rival) => Promise<unknown>;
  /** Takes the share called `id`, one of three. */
  readonly take: (client: Rival, id: string, options?: WaitOptions) => Promise<Share>;
  /** What stands for a share: the start of its key, and how much of the limit it takes. */
  readonly share: { readonly prefix: string; readonly weight: (value: string) => number };
  readonly limit: number;
  /** The keys of those who wait begin so. */
  readonly line: string;
  /** Whether a share ends with the session of whoever has it. */
  readonly isLeased: boolean;
}

const HELD = { prefix: 'thing/@semaphore/held/', weight: weightOf } as const;

export const SHARERS: readonly Sharer[] = [
  {
    name: 'semaphore of three',
    prepare: (client) => client.coord.semaphore('thing').setLimit(3),
    take: (client, _id, options = {}) => client.coord.semaphore('thing').acquire(options),
    share: HELD,
    limit: 3,
    line: 'thing/@semaphore/line/',
    isLeased: true,
  },
  {
    name: 'semaphore with weights, first fit',
    prepare: (client) => client.coord.semaphore('thing').setLimit(7, { order: 'firstFit' }),
    take: (client, _id, options = {}) =>
      client.coord.semaphore('thing').acquire({ ...options, weight: 2 }),
    share: HELD,
    // Three take six of them, and a fourth does not fit.
    limit: 7,
    line: 'thing/@semaphore/line/',
    isLeased: true,
  },
  {
    name: 'reboot slots',
    prepare: (client) => client.coord.reboots('thing').setMax(3),
    take: async (client, id, options = {}) => {
      const group = client.coord.reboots('thing');
      await group.acquire({ node: id, ...options });
      return { release: () => group.release({ node: id }) };
    },
    share: { prefix: 'reboot/thing/slot/', weight: () => 1 },
    limit: 3,
    line: 'reboot/thing/want/',
    isLeased: false,
  },
];

function weightOf(value: string): number {
  return (JSON.parse(value) as { weight: number }).weight;
}

/** The most that was ever had at once, by every revision that there was. */
export function mostEverShared(world: World, { share }: Sharer): number {
  const weights = new Map<string, number>();
  let most = 0;
  for (const { events } of world.server.kv.history) {
    for (const { type, kv } of events) {
      const key = toText(kv.key);
      if (!key.startsWith(share.prefix)) continue;
      if (type === 'delete') weights.delete(key);
      else weights.set(key, share.weight(toText(kv.value)));
    }
    most = Math.max(
      most,
      [...weights.values()].reduce((all, one) => all + one, 0),
    );
  }
  return most;
}
