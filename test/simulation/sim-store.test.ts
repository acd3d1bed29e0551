// Proves that a client's store in the simulation keeps the Store contract over wires that lose
// things: unknown outcomes when an answer is lost, other members when one is gone, watches that go
// on elsewhere without gap or repetition, and a history of all of it.
import assert from 'node:assert/strict';
import { isStoreError, type RevisionBatch } from '../../src/store/index.js';
import { World } from '../../src/simulation/scenario/world.js';
import { Simulation } from '../../src/simulation/simulation.js';
import { settle } from './settle.js';

async function startedWorld(memberCount = 1): Promise<World> {
  const sim = new Simulation({ seed: 3, settle });
  const world = new World({ sim, memberCount, callsPerSecond: 10 });
  await sim.run(world.cluster.start(), 10_000);
  await sim.run(
    world.until(() => world.cluster.leader !== undefined, 10_000),
    20_000,
  );
  return world;
}

describe('SimStore', () => {
  it('reads what it wrote, and the history has both', async () => {
    const world = await startedWorld();
    const { store } = world.addClient();
    await world.sim.run(store.put({ key: 'a', value: '1' }), 5000);
    const { kvs } = await world.sim.run(store.range({ key: 'a' }), 5000);
    assert.equal(kvs.length, 1);
    const { operations, revisions } = world.history.finish();
    assert.deepEqual(
      operations.map(({ call, outcome }) => `${call.kind} ${outcome.kind}`),
      ['put answered', 'range answered'],
    );
    assert.deepEqual(
      revisions.map(({ revision }) => revision),
      [2],
    );
  });

  it('says what the server refused, and why', async () => {
    const world = await startedWorld();
    const { store } = world.addClient();
    await assert.rejects(world.sim.run(store.put({ key: '' }), 5000), (error) =>
      isStoreError(error, 'EmptyKey'),
    );
    assert.equal(world.history.finish().operations[0]?.outcome.kind, 'refused');
  });

  it('leaves the outcome open when the answer is lost', async () => {
    const world = await startedWorld();
    const { store, machine } = world.addClient({ timeoutMs: 500 });
    const member = world.cluster.members[0];
    assert.ok(member !== undefined);
    world.network.setCut(member.machine, machine, true);
    await assert.rejects(world.sim.run(store.put({ key: 'a', value: '1' }), 5000), (error) =>
      isStoreError(error, 'Unavailable'),
    );
    assert.equal(world.history.finish().operations[0]?.outcome.kind, 'unknown');
    world.network.heal();
    const { kvs } = await world.sim.run(store.range({ key: 'a' }), 5000);
    assert.equal(kvs.length, 1, 'the write itself had arrived');
  });

  it('resumes a watch after its member was gone, without gap or repetition', async () => {
    const world = await startedWorld();
    const { store } = world.addClient({ pingMs: 200 });
    const writer = world.addClient();
    const member = world.cluster.members[0];
    assert.ok(member !== undefined);
    const seen: number[] = [];
    const watch = { key: 'k', rangeEnd: 'l', startRevision: 1 };
    const next = (batch: RevisionBatch): void => void seen.push(batch.revision);
    const subscription = store.watch(watch).subscribe(next);
    const put = (): Promise<unknown> => writer.store.put({ key: 'k', value: 'v' });
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 4; at++) await world.sim.run(put(), 5000);
      member.crash(round === 1 ? 'power' : 'kill');
      await world.sim.advance(300);
      await world.sim.run(member.start(), 10_000);
    }
    await world.sim.advance(3000);
    assert.deepEqual(
      seen,
      Array.from({ length: 12 }, (_, at) => at + 2),
    );
    subscription.unsubscribe();
    const record = world.history.finish().watches[0];
    assert.equal(record?.notes.length, 12);
    assert.ok(record?.closedMs !== undefined);
  });

  it('ends a watch whose history was discarded', async () => {
    const world = await startedWorld();
    const { store } = world.addClient();
    for (let at = 0; at < 5; at++) await world.sim.run(store.put({ key: 'k' }), 5000);
    await world.sim.run(store.compact({ revision: 4 }), 5000);
    const failure = new Promise((_resolve, reject) => {
      store.watch({ key: 'k', startRevision: 2 }).subscribe({ error: reject });
    });
    await assert.rejects(world.sim.run(failure, 5000), (error) => {
      return isStoreError(error, 'Compacted') && error.compactRevision === 4;
    });
  });

  it('ends calls and watches when it is closed', async () => {
    const world = await startedWorld();
    const { store } = world.addClient();
    const call = store.range({ key: 'a' });
    const failure = new Promise((_resolve, reject) => {
      store.watch({ key: 'k' }).subscribe({ error: reject });
    });
    await store.close();
    for (const ending of [call, failure, store.range({ key: 'b' })]) {
      await assert.rejects(ending, (error) => isStoreError(error, 'Stopped'));
    }
  });
});
