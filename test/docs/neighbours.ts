/**
 * Who else is there while an example runs: others that an example waits for, and what an operator
 * wrote before. Each does its part once, and none of them waits for a thing that may never come.
 */
import type { Coordination } from '../../src/recipes/index.js';
import type { Client, World } from '../support/world.js';

/** What was in the store before, for those who read settings. */
const WRITTEN: readonly (readonly [key: string, value: string])[] = [
  ['app/port', '8080'],
  ['app/db/url', 'postgres://db.example.org'],
  ['billing/port', '8081'],
  ['billing/db/pool', '8'],
  ['config/billing/db/pool', '6'],
  ['upstreams/hosts', '["10.0.0.1:8080","10.0.0.2:8080"]'],
  ['accounts/a', '100'],
  ['accounts/b', '100'],
];

interface Neighbour {
  /** Examples that say this have it. */
  readonly when: RegExp;
  readonly names: readonly string[];
  act(coord: Coordination, name: string): Promise<unknown>;
}

const NEIGHBOURS: readonly Neighbour[] = [
  {
    when: /doubleBarrier\(/,
    names: ['second', 'third'],
    act: async (coord) => {
      const inside = await coord.doubleBarrier('shuffle', { members: 3 }).enter();
      await inside.leave();
    },
  },
  {
    when: /latch\(/,
    names: ['shard-1', 'shard-3', 'shard-4'],
    act: (coord, name) => coord.latch('shards-loaded', { initialCount: 4 }).countDown(name),
  },
  {
    when: /receive\(/,
    names: ['sender'],
    act: (coord) => coord.queue('downloads').send({ url: 'https://example.org/' }),
  },
  {
    when: /transfer\(/,
    names: ['first', 'other'],
    act: (coord, name) => coord.election('scheduler').campaign({ value: name }),
  },
];

/** Writes what was there before. */
export async function furnish({ store }: Client): Promise<void> {
  for (const [key, value] of WRITTEN) await store.put({ key, value });
}

/** Lets those act that the example waits for. */
export async function invite(world: World, code: string): Promise<void> {
  for (const neighbour of NEIGHBOURS) {
    if (!neighbour.when.test(code)) continue;
    for (const name of neighbour.names) {
      // What is still going on when the example has ended is cut off, and that is no failure.
      neighbour.act(world.client(name).coord, name).catch(() => undefined);
    }
  }
  await world.settle();
}
