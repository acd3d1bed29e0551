// Proves that every recipe names the order of a range that it sorts: without a name, a server sorts
// only the first keys by name once there is a limit, and a waiter would take itself for the first.
import assert from 'node:assert/strict';
import { World } from '../../support/world.js';

/** All ranges anywhere in a request. */
function rangesIn(value: unknown): readonly Record<string, unknown>[] {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return [];
  const own = 'sortTarget' in value ? [value as Record<string, unknown>] : [];
  return [...own, ...Object.values(value).flatMap(rangesIn)];
}

describe('recipes', () => {
  it('name the order of what they sort', async () => {
    const world = new World();
    const { coord, store } = world.client('a');
    const other = world.client('b');
    const held = await world.run(coord.lock('jobs').acquire());
    const waiting = other.coord.lock('jobs').acquire();
    await world.advance(1000);
    await world.run(coord.lock('jobs').tryAcquire());
    await world.run(held.release());
    await world.run((await world.run(waiting)).release());
    await world.run((await world.run(coord.election('e').campaign())).resign());
    await world.run(coord.reboots('g').acquire({ node: 'n' }));
    const sorted = [...store.calls, ...other.store.calls].flatMap(rangesIn);
    assert.ok(sorted.length > 3, `only ${sorted.length} sorted ranges`);
    for (const range of sorted) assert.ok(range['sortOrder'] !== undefined, JSON.stringify(range));
    await world.close();
  });
});
