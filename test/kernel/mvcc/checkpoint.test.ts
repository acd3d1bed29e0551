// The checkpoint of the index is what the rows would have made, or it is not believed: after random
// histories both ways to the index agree; every flipped bit, every row that is missing, strange or
// of other rows leads to the rows; the first change removes it together with making it wrong; and a
// crash at any moment of its making costs nothing.
import assert from 'node:assert/strict';
import { RowCorruptError } from '../../../src/kernel/codec/row.js';
import { sealRow, unsealRow } from '../../../src/kernel/codec/sealed-row.js';
import {
  CHECKPOINT_KEY,
  type CheckpointHeader,
  decodeCheckpointHeader,
  encodeCheckpointHeader,
  leafRowKey,
  sealLeafRow,
  unsealLeafRow,
} from '../../../src/kernel/mvcc/checkpoint-rows.js';
import type { BackendWrite } from '../../../src/ports/backend.js';
import { SimBackend } from '../../../src/simulation/sim-backend.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { compareBytes, toBytes } from '../../../src/store/index.js';
import {
  checkpointKeys,
  closeCleanly,
  openMvcc,
  put,
  shownFromCheckpoint,
  shownFromRows,
} from './checkpoint-world.js';
import { EVERYTHING, MvccWorld, NOW } from './mvcc-world.js';

const ownSeed = process.env['TIDELOCK_SEED'];
const seeds =
  ownSeed === undefined ? Array.from({ length: 20 }, (_, i) => i + 1) : [Number(ownSeed)];

/** Large keys, so that few of them make several rows of leaves. */
const wideKey = (at: number): Uint8Array => new Uint8Array(30_000).fill(at);

/** A store that was closed cleanly, with a little of everything in it. */
async function closedStore(): Promise<SimBackend> {
  const backend = new SimBackend(new SimRandom(1));
  const open = await openMvcc(backend);
  for (const key of ['a', 'b', 'c', 'a']) put(open.mvcc, key, 'value', key === 'b' ? 7n : 0n);
  const write = open.mvcc.begin();
  write.deleteRange({ start: toBytes('c'), end: undefined }, false);
  write.commit();
  assert.equal(await closeCleanly(open), true);
  return backend;
}

async function closedWideStore(): Promise<SimBackend> {
  const backend = new SimBackend(new SimRandom(1));
  const open = await openMvcc(backend);
  for (let at = 1; at <= 9; at++) put(open.mvcc, wideKey(at));
  assert.equal(await closeCleanly(open), true);
  assert.ok(checkpointKeys(backend).length >= 4);
  return backend;
}

function headerOf(backend: SimBackend): CheckpointHeader {
  return decodeCheckpointHeader(backend.get('meta', CHECKPOINT_KEY) as Uint8Array);
}

function row(key: Uint8Array, value: Uint8Array | undefined): BackendWrite {
  return { bucket: 'meta', key, value };
}

/** The checkpoint is refused, the rows are read, and the next flush takes the checkpoint away. */
async function assertRefused(backend: SimBackend, reason: RegExp): Promise<void> {
  assert.equal(shownFromCheckpoint(backend), undefined);
  const open = await openMvcc(backend);
  assert.equal(open.refusals.length, 1);
  assert.match(open.refusals[0] as string, reason);
  assert.equal(open.mvcc.checkpointBytes, 0);
  await open.buffer.flush();
  assert.deepEqual(checkpointKeys(backend), []);
}

describe('IndexCheckpoint', () => {
  it('gives the index that the rows give, after any history', async () => {
    let used = 0;
    for (const seed of seeds) {
      const world = new MvccWorld(seed, [4, 30, 400, 3000][seed % 4] as number);
      await world.open();
      for (let restarts = 0; restarts < 4; restarts++) {
        for (let steps = world.random.below(120); steps > 0; steps--) {
          const dice = world.random.below(20);
          if (dice < 16) world.write();
          else if (dice === 16) world.compact();
          else world.mvcc.compactStep();
        }
        const isCompacting = world.random.below(4) === 0;
        while (!isCompacting && world.mvcc.compactStep());
        const saved = await closeCleanly(world);
        world.backend.crash();
        const fromRows = shownFromRows(world.backend);
        const fromCheckpoint = shownFromCheckpoint(world.backend);
        if (saved) used++;
        assert.deepEqual(fromCheckpoint, saved ? fromRows : undefined, `TIDELOCK_SEED=${seed}`);
        await world.crash();
        for (let checks = 0; checks < 20; checks++) world.checkSome();
      }
    }
    assert.ok(used >= seeds.length, `${used} checkpoints`);
  });

  it('is not believed with any flipped bit, and then the rows are read', async () => {
    const backend = await closedStore();
    const expected = shownFromRows(backend);
    const rows = [...backend.range('meta', new Uint8Array(0), undefined, 0)];
    let flips = 0;
    for (const [at, { key }] of rows.entries()) {
      if (!checkpointKeys(backend).some((own) => compareBytes(own, key) === 0)) continue;
      for (let bit = 0; backend.flipBit('meta', at, bit); bit++, flips++) {
        assert.equal(shownFromCheckpoint(backend), undefined, `row ${at}, bit ${bit}`);
        backend.flipBit('meta', at, bit);
      }
    }
    assert.ok(flips > 300);
    assert.deepEqual(shownFromCheckpoint(backend), expected);
    backend.flipBit('meta', 0, 5);
    await assertRefused(backend, /checksum/);
    assert.deepEqual(shownFromRows(backend), expected);
  });

  it('is not believed when it was made of other rows', async () => {
    const changes: Partial<CheckpointHeader>[] = [
      { revision: 5 },
      { rollingHash: 1 },
      { rowCount: 4 },
      { compactRevision: 2 },
      { keyCount: 2 },
      { liveCount: 1 },
      { leafRowCount: 0 },
      { leafRowCount: 2 },
      { leafRowsChecksum: 1 },
    ];
    for (const change of changes) {
      const backend = await closedStore();
      const header = encodeCheckpointHeader({ ...headerOf(backend), ...change });
      await backend.commit([row(CHECKPOINT_KEY, header)]);
      await assertRefused(backend, /other rows|holds|missing|one checkpoint/);
    }
  });

  it('is not believed over a row that has gone, and the rows tell so', async () => {
    const backend = await closedStore();
    const [first] = backend.range('key', new Uint8Array(0), undefined, 1);
    await backend.commit([{ bucket: 'key', key: first?.key as Uint8Array, value: undefined }]);
    await assert.rejects(openMvcc(backend), RowCorruptError);
  });

  it('is not believed with rows that are missing, exchanged, of another one or unreadable', async () => {
    const missing = await closedWideStore();
    await missing.commit([row(leafRowKey(1), undefined)]);
    await assertRefused(missing, /missing/);

    const exchanged = await closedWideStore();
    const [one, two] = [1, 2].map((at) => exchanged.get('meta', leafRowKey(at)) as Uint8Array);
    await exchanged.commit([
      row(leafRowKey(1), two as Uint8Array),
      row(leafRowKey(2), one as Uint8Array),
    ]);
    await assertRefused(exchanged, /checksum/);

    const strange = await closedWideStore();
    const leaves = unsealLeafRow(2, strange.get('meta', leafRowKey(2)) as Uint8Array);
    await strange.commit([row(leafRowKey(1), sealLeafRow(1, leaves))]);
    await assertRefused(strange, /one checkpoint/);

    const unreadable = await closedWideStore();
    await unreadable.commit([row(leafRowKey(0), sealLeafRow(0, leaves.subarray(0, 70)))]);
    await assertRefused(unreadable, /wanted at byte/);
  });

  it('is not believed in another format', async () => {
    const backend = await closedStore();
    const body = unsealRow(
      'header',
      CHECKPOINT_KEY,
      backend.get('meta', CHECKPOINT_KEY) as Uint8Array,
    );
    await backend.commit([row(CHECKPOINT_KEY, sealRow(CHECKPOINT_KEY, body.with(0, 2)))]);
    await assertRefused(backend, /format 2/);
  });

  for (const kind of ['a put', 'a compaction'] as const) {
    it(`goes in the commit of ${kind} after it, with all of its rows`, async () => {
      const backend = await closedWideStore();
      const old = checkpointKeys(backend);
      const { buffer, mvcc, refusals } = await openMvcc(backend);
      assert.deepEqual(refusals, []);
      assert.ok(mvcc.checkpointBytes > 9 * 30_000);
      if (kind === 'a put') put(mvcc, 'new');
      else mvcc.compact(3);
      const flush = buffer.flush();
      assert.equal(mvcc.checkpointBytes, 0);
      await flush;
      backend.crash();
      assert.deepEqual(checkpointKeys(backend), []);
      assert.ok(old.length > 1);
      assert.equal((await openMvcc(backend)).refusals.length, 0);
    });
  }

  it('survives a crash before the first flush, and a life without a change', async () => {
    const backend = await closedStore();
    const before = checkpointKeys(backend).map((key) => backend.get('meta', key));
    const first = await openMvcc(backend);
    put(first.mvcc, 'never flushed');
    backend.crash();
    const second = await openMvcc(backend);
    second.buffer.put('meta', toBytes('applied'), toBytes('another index'));
    const commits: number[] = [];
    const commit = backend.commit.bind(backend);
    backend.commit = (writes) => {
      commits.push(writes.length);
      return commit(writes);
    };
    assert.equal(await closeCleanly(second), true);
    assert.equal(commits.length, 1, 'the flush, and nothing for the checkpoint');
    assert.deepEqual(
      checkpointKeys(backend).map((key) => backend.get('meta', key)),
      before,
    );
    assert.deepEqual(shownFromCheckpoint(backend), shownFromRows(backend));
  });

  it('is made of a store with keys, not while rows are being removed, and only when flushed', async () => {
    const backend = new SimBackend(new SimRandom(1));
    const open = await openMvcc(backend);
    assert.equal(await closeCleanly(open), false);
    put(open.mvcc, 'a');
    await assert.rejects(async () => await open.mvcc.saveCheckpoint(), /not been flushed/);
    put(open.mvcc, 'a');
    open.mvcc.compact(3);
    assert.equal(await closeCleanly(open), false);
    assert.deepEqual(checkpointKeys(backend), []);
    while (open.mvcc.compactStep());
    assert.equal(await closeCleanly(open), true);
    assert.equal(open.mvcc.range(EVERYTHING, NOW).count, 1);
    assert.deepEqual(shownFromCheckpoint(backend), shownFromRows(backend));
  });
});

describe('IndexCheckpoint and crashes', () => {
  it('costs nothing, whenever the process ends while it is made', async () => {
    let whole = 0;
    let without = 0;
    for (const seed of seeds) {
      const random = new SimRandom(seed);
      const backend = new SimBackend(random.split('backend'));
      for (let life = 0; life < 6; life++) {
        const open = await openMvcc(backend);
        if (random.below(4) > 0) put(open.mvcc, `k${random.below(9)}`, 'value', 3n);
        await open.buffer.flush();
        void open.mvcc.saveCheckpoint();
        for (let turns = random.below(6); turns > 0; turns--) await Promise.resolve();
        backend.crash();
        const fromCheckpoint = shownFromCheckpoint(backend);
        if (fromCheckpoint === undefined) without++;
        else {
          whole++;
          assert.deepEqual(fromCheckpoint, shownFromRows(backend), `TIDELOCK_SEED=${seed}`);
        }
      }
    }
    if (ownSeed === undefined) assert.ok(whole > 10 && without > 10, `${whole} ${without}`);
  });

  it('is written in several commits when it is large, and counts only with the last', async () => {
    const backend = new SimBackend(new SimRandom(1));
    const first = await openMvcc(backend);
    for (let at = 0; at < 10; at++) put(first.mvcc, new Uint8Array(1_000_000).fill(at));
    await first.buffer.flush();
    const commit = backend.commit.bind(backend);
    let commits = 0;
    backend.commit = (writes) => {
      commits++;
      // The second never ends, and the process with it.
      return commits === 2 ? new Promise<never>(() => undefined) : commit(writes);
    };
    void first.mvcc.saveCheckpoint();
    for (let turns = 0; turns < 50; turns++) await Promise.resolve();
    backend.crash();
    assert.equal(commits, 2);
    assert.ok(checkpointKeys(backend).length > 2);
    const second = await openMvcc(backend);
    assert.match(second.refusals[0] as string, /not finished/);
    assert.equal(await closeCleanly(second), true);
    assert.deepEqual(shownFromCheckpoint(backend), shownFromRows(backend));
  });
});
