// The recipes at which some wait until something has happened, behind one face, so that one suite
// can judge them all. A recipe joins the suite with one entry here.
import type { WaitOptions } from '../../../src/recipes/index.js';
import type { Rival } from './contender.js';

/** So many come to one gate before it is opened. */
export interface GateOptions {
  readonly waiters: number;
}

/** A gate called "thing", and how to pass it. */
export interface Gate {
  readonly name: string;
  /** Closes it, where that takes doing. */
  readonly prepare: (client: Rival) => Promise<unknown>;
  readonly wait: (client: Rival, options: GateOptions & WaitOptions) => Promise<unknown>;
  /** Lets all pass; doing it again does no harm. */
  readonly open: (client: Rival, options: GateOptions) => Promise<unknown>;
  /** Whether one that waits is there by its lease, so that it must fail when that ends. */
  readonly isLeased: boolean;
  /** Most watch events and most calls for each one that passes, and for each one that comes. */
  readonly pass: { readonly events: number; readonly calls: number };
  readonly come: { readonly events: number; readonly calls: number };
}

/** Waits are bounded by the tests; a latch asks for a bound. */
const LONG_MS = 3_600_000;

export const GATES: readonly Gate[] = [
  {
    name: 'barrier that is closed',
    prepare: (client) => client.coord.barrier('thing').close(),
    wait: (client, options) => client.coord.barrier('thing').wait(options),
    open: (client) => client.coord.barrier('thing').open(),
    isLeased: false,
    pass: { events: 1, calls: 1 },
    come: { events: 0, calls: 1 },
  },
  {
    name: 'barrier that somebody holds closed',
    prepare: (client) => client.coord.barrier('thing').hold(),
    wait: (client, options) => client.coord.barrier('thing').wait(options),
    open: (client) => client.coord.barrier('thing').open(),
    isLeased: false,
    pass: { events: 1, calls: 1 },
    come: { events: 0, calls: 1 },
  },
  {
    name: 'latch',
    prepare: (client) => client.coord.latch('thing').setCount(2),
    wait: (client, options) => client.coord.latch('thing').wait({ timeoutMs: LONG_MS, ...options }),
    open: async (client) => {
      await client.coord.latch('thing').countDown('one');
      await client.coord.latch('thing').countDown('two');
    },
    isLeased: false,
    pass: { events: 1, calls: 1 },
    come: { events: 0, calls: 1 },
  },
  {
    name: 'double barrier',
    prepare: async () => undefined,
    wait: (client, { waiters, ...options }) =>
      client.coord.doubleBarrier('thing', { members: waiters + 1 }).enter(options),
    open: (client, { waiters }) =>
      client.coord.doubleBarrier('thing', { members: waiters + 1 }).enter(),
    isLeased: true,
    pass: { events: 1, calls: 1 },
    come: { events: 2, calls: 4 },
  },
];
