// The multiversion store does what a naive one does, whatever is interleaved with it: writes of
// many changes, reads of now and of the past, compaction in steps, flushes, clean restarts, with a
// checkpoint or without one, and crashes. TIDELOCK_SEED runs one seed.
import assert from 'node:assert/strict';
import { LIMITS } from '../../../src/store/index.js';
import { EVERYTHING, MvccWorld, NOW, same } from './mvcc-world.js';

const ownSeed = process.env['TIDELOCK_SEED'];
const seeds =
  ownSeed === undefined ? Array.from({ length: 30 }, (_, i) => i + 1) : [Number(ownSeed)];

async function underSeed(seed: number, run: (seed: number) => Promise<void>): Promise<void> {
  try {
    await run(seed);
  } catch (error) {
    throw new Error(`failed with TIDELOCK_SEED=${seed}`, { cause: error });
  }
}

describe('Mvcc against a naive model', () => {
  for (const seed of seeds) {
    it(`agrees (seed ${seed})`, () => underSeed(seed, randomLife));
  }
});

async function randomLife(seed: number): Promise<void> {
  const world = new MvccWorld(seed, [4, 30, 400][seed % 3] as number);
  await world.open();
  let flush: Promise<void> | undefined;
  for (let step = 0; step < 250; step++) {
    const dice = world.random.below(100);
    if (dice < 50) world.write();
    else if (dice < 56) world.compact();
    else if (dice < 76) world.mvcc.compactStep();
    else if (dice < 90) {
      await flush;
      flush = world.buffer.flush();
    } else if (dice < 97) await Promise.resolve();
    else {
      if (dice < 99) {
        await flush;
        await world.buffer.flush();
        if (dice === 98) await world.mvcc.saveCheckpoint();
      }
      await world.crash();
      flush = undefined;
    }
    world.checkSome();
  }
  while (world.mvcc.compactStep());
  assert.equal(world.mvcc.compacting, false);
  for (let checks = 0; checks < 100; checks++) world.checkSome();
}

describe('Mvcc', () => {
  it('removes all rows that compaction at the last revision does not keep, and no other', async () => {
    for (const seed of seeds) {
      await underSeed(seed, async () => {
        const world = new MvccWorld(seed, 30);
        await world.open();
        for (let writes = 0; writes < 100; writes++) world.write();
        const { mvcc, model, backend, buffer } = world;
        mvcc.compact(mvcc.revision);
        model.compactRevision = mvcc.revision;
        while (mvcc.compactStep());
        await buffer.flush();
        const last = model.batches[mvcc.revision]?.events ?? [];
        const tombstones = new Set(
          last
            .filter(({ kv }) => mvcc.get(kv.key) === undefined)
            .map(({ kv }) => kv.key.toString()),
        );
        assert.equal(backend.count('key'), mvcc.keyCount + tombstones.size);
        world.checkSome();
      });
    }
  });

  it('takes up a compaction that a crash cut off, and loses nothing that reads may see', async () => {
    for (const seed of seeds.slice(0, 6)) await underSeed(seed, crashInCompaction);
  });

  it('compacts in steps of bounded size', async () => {
    const world = new MvccWorld(1, 1);
    await world.open();
    const key = Uint8Array.of(1);
    for (let writes = 0; writes < LIMITS.compactionBatchRows * 3; writes++) {
      const write = world.mvcc.begin();
      write.put(key, Uint8Array.of(writes), 0n, false);
      write.commit();
    }
    await world.buffer.flush();
    world.mvcc.compact(world.mvcc.revision);
    let steps = 0;
    for (let isMore = true; isMore; steps++) {
      isMore = world.mvcc.compactStep();
      assert.ok(world.buffer.rowCount <= LIMITS.compactionBatchRows + 2);
      await world.buffer.flush();
    }
    assert.ok(steps >= 3);
    assert.equal(world.backend.count('key'), 1);
  });

  it('begins anew when a later compaction overtakes one that is under way', async () => {
    const world = new MvccWorld(1, 1);
    await world.open();
    const { mvcc, buffer, backend } = world;
    const keyCount = LIMITS.compactionBatchRows + 500;
    const putAll = (): void => {
      for (let at = 0; at < keyCount; at++) {
        const write = mvcc.begin();
        write.put(Uint8Array.of(at >>> 8, at), Uint8Array.of(1), 0n, false);
        write.commit();
      }
    };
    putAll();
    putAll();
    mvcc.compact(mvcc.revision);
    assert.equal(mvcc.compactStep(), true);
    putAll();
    mvcc.compact(mvcc.revision);
    while (mvcc.compactStep());
    await buffer.flush();
    assert.equal(backend.count('key'), keyCount);
  });

  it('has a rolling hash that depends on the changes and on nothing else', async () => {
    const hashes = [];
    for (const way of [0, 1, 2]) {
      const world = new MvccWorld(7, 12);
      await world.open();
      for (let writes = 0; writes < 60; writes++) {
        world.write();
        if (way === 1) await world.buffer.flush();
        if (way === 2 && writes % 7 === 3) {
          world.mvcc.compact(world.mvcc.revision - 1);
          world.model.compactRevision = world.mvcc.compactRevision;
          while (world.mvcc.compactStep());
          await world.buffer.flush();
          await world.crash();
        }
      }
      hashes.push(world.mvcc.rollingHash);
      const last = world.hashes.slice(-2);
      assert.notEqual(last[0], last[1]);
    }
    assert.equal(new Set(hashes).size, 1);
  });

  it('hides a write from everyone else until it commits, and refuses a second one', async () => {
    const world = new MvccWorld(1, 4);
    await world.open();
    const { mvcc, buffer } = world;
    const write = mvcc.begin();
    write.put(Uint8Array.of(1), Uint8Array.of(2), 0n, false);
    assert.equal(mvcc.range(EVERYTHING, NOW).count, 0);
    assert.equal(mvcc.revision, 1);
    assert.throws(() => mvcc.begin(), /not been committed/);
    await assert.rejects(buffer.flush(), /middle of a write/);
    write.commit();
    assert.equal(mvcc.range(EVERYTHING, NOW).count, 1);
    assert.throws(() => write.commit(), /after its end/);
  });

  it('gives each an answer of its own, also where there is nothing', async () => {
    const world = new MvccWorld(1, 4);
    await world.open();
    const { mvcc } = world;
    const missing = { start: Uint8Array.of(1), end: undefined };
    const none = { start: Uint8Array.of(1), end: Uint8Array.of(1) };
    const put = mvcc.begin();
    put.put(Uint8Array.of(9), Uint8Array.of(2), 0n, false);
    put.commit();
    const empty = { start: Uint8Array.of(1), end: Uint8Array.of(2) };
    const write = mvcc.begin();
    // As programs without types may do to what they are given.
    for (const interval of [missing, none, empty]) {
      for (let times = 0; times < 2; times++) {
        const { kvs } = mvcc.range(interval, NOW);
        assert.equal(kvs.length, 0);
        (kvs as unknown[]).push('theirs');
        const { previous, keys } = write.deleteRange(interval, true);
        assert.equal(previous.length + keys.length, 0);
        (previous as unknown[]).push('theirs');
      }
    }
  });

  it('makes no revision of a write that changes nothing', async () => {
    const world = new MvccWorld(1, 4);
    await world.open();
    const write = world.mvcc.begin();
    same(write.deleteRange(EVERYTHING, true), { deleted: 0, previous: [], keys: [] }, 'nothing');
    assert.equal(write.commit(), undefined);
    assert.equal(world.mvcc.revision, 1);
  });
});

async function crashInCompaction(seed: number): Promise<void> {
  const world = new MvccWorld(seed, 3000);
  await world.open();
  for (let writes = 0; writes < 1200; writes++) {
    const write = world.mvcc.begin();
    const twin = world.model.begin();
    const key = world.key();
    const other = { start: world.key(), end: undefined };
    for (const side of [write, twin]) {
      side.put(key, Uint8Array.of(writes), 0n, false);
      if (writes % 3 === 0) side.deleteRange(other, false);
      side.commit();
    }
    world.hashes.push(world.mvcc.rollingHash);
  }
  await world.buffer.flush();
  const revision = world.mvcc.revision - 3;
  world.mvcc.compact(revision);
  world.model.compactRevision = revision;
  const isMore = world.mvcc.compactStep();
  void world.buffer.flush();
  if (seed % 2 === 0) await Promise.resolve();
  await world.crash();
  if (world.mvcc.compactRevision === revision && isMore) assert.ok(world.mvcc.compacting);
  for (let checks = 0; checks < 100; checks++) world.checkSome();
  while (world.mvcc.compactStep());
  for (let checks = 0; checks < 100; checks++) world.checkSome();
  await world.buffer.flush();
  await world.crash();
  assert.equal(world.mvcc.compacting, false);
  for (let checks = 0; checks < 100; checks++) world.checkSome();
}
