// Proves that a hash taken in parts, with writes, flushes, compactions and their steps between the
// parts, is the hash of one moment: what the whole would have given at once at its revision; that
// one whose revision is compacted meanwhile says so; and that it ends however often history is cut.
// TIDELOCK_SEED runs one seed.
import assert from 'node:assert/strict';
import { IndexBuilder } from '../../../src/kernel/mvcc/index-builder.js';
import { EMPTY_BYTES, isStoreError } from '../../../src/store/index.js';
import { MvccWorld } from './mvcc-world.js';

const ownSeed = process.env['TIDELOCK_SEED'];
const seeds =
  ownSeed === undefined ? Array.from({ length: 30 }, (_, i) => i + 1) : [Number(ownSeed)];
const BYTES_MAX = Number.POSITIVE_INFINITY;

interface Seen {
  hashed: number;
  begunAnew: number;
  compacted: number;
}

describe('a hash in parts', () => {
  it('is that of one moment, whatever happens between the parts', async () => {
    const seen: Seen = { hashed: 0, begunAnew: 0, compacted: 0 };
    for (const seed of seeds) {
      try {
        await hashBetween(seed, seen);
      } catch (error) {
        throw new Error(`failed with TIDELOCK_SEED=${seed}`, { cause: error });
      }
    }
    if (ownSeed !== undefined) return;
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 5, `${what}: ${count}`);
  });

  it('gives up when history is cut faster than it reads', async () => {
    const world = new MvccWorld(1, 30);
    await world.open();
    for (let at = 0; at < 60; at++) world.write();
    const hasher = world.mvcc.hashing(0);
    let steps = 0;
    const hashOn = (): void => {
      for (let revision = 2; ; revision++) {
        assert.equal(hasher.step(1, BYTES_MAX), undefined);
        steps += 1;
        world.mvcc.compact(revision);
      }
    };
    assert.throws(hashOn, (error) => isStoreError(error, 'Compacted'));
    assert.ok(steps > 3 && steps < 20, `${steps} steps`);
  });

  it('begins anew on another state', async () => {
    const world = new MvccWorld(2, 30);
    await world.open();
    for (let at = 0; at < 30; at++) world.write();
    await world.buffer.flush();
    const undisturbed = stepsOf(world.mvcc.hashing(0));
    const hasher = world.mvcc.hashing(0);
    assert.equal(hasher.step(1, BYTES_MAX), undefined);
    assert.equal(hasher.step(1, BYTES_MAX), undefined);
    const built = new IndexBuilder();
    for (const { key, value } of world.backend.range('key', EMPTY_BYTES, undefined, 0)) {
      built.add(key, value);
    }
    world.mvcc.reload(built, () => undefined);
    const disturbed = stepsOf(hasher);
    assert.deepEqual(disturbed, undisturbed, 'all of it was read again');
    assert.deepEqual(disturbed.hash, world.mvcc.hashKv(0));
  });

  it('takes large values one at a time', async () => {
    const world = new MvccWorld(3, 30);
    await world.open();
    for (let at = 0; at < 3; at++) world.write();
    const whole = world.mvcc.hashKv(0);
    const hasher = world.mvcc.hashing(0);
    let parts = 1;
    let hash = hasher.step(100, 1);
    for (; hash === undefined; parts++) hash = hasher.step(100, 1);
    assert.deepEqual(hash, whole);
    assert.ok(parts >= 3, `${parts} parts`);
  });
});

/** What comes of hashing to the end, a row at a time, and in how many steps. */
function stepsOf(hasher: ReturnType<MvccWorld['mvcc']['hashing']>) {
  for (let steps = 1; ; steps++) {
    const hash = hasher.step(1, BYTES_MAX);
    if (hash !== undefined) return { hash, steps };
  }
}

async function hashBetween(seed: number, seen: Seen): Promise<void> {
  const world = new MvccWorld(seed, [4, 30, 200][seed % 3] as number);
  const { random } = world;
  await world.open();
  for (let at = 0; at < 40; at++) world.write();
  let flush: Promise<void> | undefined;
  for (let round = 0; round < 12; round++) {
    const { revision, compactRevision } = world.mvcc;
    const lowest = Math.max(compactRevision, 1);
    const asked = round % 2 === 0 ? 0 : lowest + random.below(revision - lowest + 1);
    const hasher = world.mvcc.hashing(asked);
    // Some rounds are left alone by compaction, in others it comes again and again.
    const compactions = random.below(3) * 8;
    for (;;) {
      let result: ReturnType<typeof hasher.step>;
      try {
        result = hasher.step(1 + random.below(30), BYTES_MAX);
      } catch (error) {
        assert.ok(isStoreError(error, 'Compacted'), String(error));
        assert.ok(asked === 0 || asked < world.mvcc.compactRevision);
        seen.compacted += 1;
        break;
      }
      if (result !== undefined) {
        assert.deepEqual(result, world.mvcc.hashKv(result.hashRevision), `round ${round}`);
        assert.equal(result.hashRevision >= revision, asked === 0 || asked === revision);
        if (asked !== 0) assert.equal(result.hashRevision, asked);
        seen.hashed += 1;
        if (result.compactRevision > compactRevision) seen.begunAnew += 1;
        break;
      }
      const dice = random.below(100);
      if (dice < 40) world.write();
      else if (dice < 40 + compactions) world.compact();
      else if (dice < 75) world.mvcc.compactStep();
      else if (dice < 90) {
        await flush;
        flush = world.buffer.flush();
      }
    }
  }
  await flush;
}
