// One store over a simulated backend beside its naive twin: random steps on both, and everything
// that can be asked compared.
import assert from 'node:assert/strict';
import { keyText } from '../../../src/kernel/codec/key-text.js';
import { Mvcc, type RangeQuery } from '../../../src/kernel/mvcc/mvcc.js';
import { WriteBuffer } from '../../../src/kernel/mvcc/write-buffer.js';
import { SimBackend } from '../../../src/simulation/sim-backend.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { type Interval, isStoreError, type RevisionBatch } from '../../../src/store/index.js';
import { NaiveMvcc } from './naive-mvcc.js';

export const NOW: RangeQuery = { revision: 0, limit: 0, countOnly: false, keysOnly: false };
export const EVERYTHING: Interval = { start: Uint8Array.of(0), end: null };

/** Plain copies: rows of the buffer, of a backend and of the model must look the same. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify([value], (_key, item: unknown) => {
      if (item instanceof Uint8Array) return keyText(item);
      return typeof item === 'bigint' ? item.toString() : item;
    }),
  );
}

export function same(actual: unknown, expected: unknown, what: string): void {
  assert.deepEqual(plain(actual), plain(expected), what);
}

export class MvccWorld {
  readonly random: SimRandom;
  readonly backend: SimBackend;
  readonly keySpace: number;
  model = new NaiveMvcc();
  buffer!: WriteBuffer;
  mvcc!: Mvcc;
  /** The rolling hash by revision. */
  readonly hashes: number[] = [0, 0];

  constructor(seed: number, keySpace: number) {
    this.random = new SimRandom(seed);
    this.backend = new SimBackend(this.random.split('backend'));
    this.keySpace = keySpace;
  }

  async open(): Promise<void> {
    const leased = new Map<string, bigint>();
    this.buffer = new WriteBuffer(this.backend);
    this.mvcc = await Mvcc.open({
      backend: this.backend,
      buffer: this.buffer,
      onLeasedKey: (key, lease) => leased.set(keyText(key), lease),
    });
    const expected = [...(this.model.states[this.mvcc.revision] ?? [])]
      .filter(([, kv]) => kv.lease !== 0n)
      .map(([key, kv]) => [key, kv.lease] as const);
    const inOrder = (pairs: readonly (readonly [string, bigint])[]) =>
      pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
    same(inOrder([...leased]), inOrder(expected), 'leased keys');
  }

  key(): Uint8Array {
    const number = this.random.below(this.keySpace);
    const text =
      number % 3 === 0 ? `k/${number}` : `k/${number % 7}/${'x'.repeat(number % 40)}${number}`;
    return new TextEncoder().encode(text);
  }

  interval(): Interval {
    const start = this.key();
    const kind = this.random.below(4);
    if (kind === 0) return { start, end: undefined };
    if (kind === 1) return { start, end: null };
    if (kind === 2) return EVERYTHING;
    return { start, end: this.key() };
  }

  /** One revision of one to four changes on both sides, compared on the way. */
  write(): void {
    const { mvcc, model, random } = this;
    const write = mvcc.begin();
    const twin = model.begin();
    for (let changes = 1 + random.below(4); changes > 0; changes--) {
      if (random.below(3) > 0) {
        const key = this.key();
        const value = new Uint8Array(random.below(90)).fill(random.below(256));
        const lease = random.below(4) === 0 ? BigInt(1 + random.below(3)) << 60n : 0n;
        const previous = twin.put(key, value, lease);
        const outcome = write.put(key, value, lease, true);
        same(outcome.previous, previous, 'previous pair');
        assert.equal(outcome.previousLease, previous?.lease ?? 0n);
      } else {
        const interval =
          random.below(3) > 0 ? { start: this.key(), end: undefined } : this.interval();
        const deleted = twin.deleteRange(interval);
        const outcome = write.deleteRange(interval, true);
        same(outcome.previous, deleted, 'deleted pairs');
        assert.equal(outcome.deleted, deleted.length);
        const leases = deleted.map(({ key, lease }) => ({ key, lease }));
        same(outcome.keys, leases, 'deleted keys');
      }
      assert.equal(write.changeCount, twin.events.length);
      const interval = this.interval();
      const kvs = model.find(interval, 0, twin.state);
      same(write.range(interval, NOW), { kvs, more: false, count: kvs.length }, 'own changes');
      const outside = model.find(interval, model.revision);
      same(mvcc.range(interval, NOW).kvs, outside, 'a reader outside sees nothing of them');
    }
    same(write.commit(), twin.commit(), 'batch');
    if (mvcc.revision >= this.hashes.length) this.hashes.push(mvcc.rollingHash);
  }

  compact(): void {
    const revision = this.random.below(this.model.revision + 3) - 1;
    const attempt = (): void => this.mvcc.compact(revision);
    if (revision <= this.model.compactRevision) {
      assert.throws(attempt, (error) => isStoreError(error, 'Compacted'));
    } else if (revision > this.model.revision) {
      assert.throws(attempt, (error) => isStoreError(error, 'FutureRevision'));
    } else {
      attempt();
      this.model.compactRevision = revision;
    }
  }

  /** After a crash the store may be at an earlier revision; the twin follows. */
  async crash(): Promise<void> {
    this.backend.crash();
    const model = this.model;
    const compacted = model.compactRevision;
    await this.open();
    model.states.length = this.mvcc.revision + 1;
    model.batches.length = this.mvcc.revision + 1;
    this.hashes.length = this.mvcc.revision + 1;
    assert.ok(this.mvcc.compactRevision <= compacted);
    model.compactRevision = this.mvcc.compactRevision;
  }

  checkSome(): void {
    const { mvcc, model, random } = this;
    assert.equal(mvcc.revision, model.revision);
    assert.equal(mvcc.compactRevision, model.compactRevision);
    assert.equal(mvcc.keyCount, model.states[model.revision]?.size);
    assert.equal(mvcc.rollingHash, this.hashes[mvcc.revision]);
    this.#checkRange();
    this.#checkHistory();
    const key = this.key();
    const revision = 1 + random.below(model.revision);
    const before =
      revision - 1 < Math.max(model.compactRevision, 1)
        ? undefined
        : model.states[revision - 1]?.get(keyText(key));
    same({ kv: mvcc.previous(key, revision) }, { kv: before }, 'previous');
  }

  #checkRange(): void {
    const { mvcc, model, random } = this;
    const interval = this.interval();
    const revision = random.below(3) === 0 ? 0 : random.below(model.revision + 3);
    const query = {
      revision,
      limit: random.below(2) * random.below(6),
      countOnly: random.below(5) === 0,
      keysOnly: random.below(5) === 0,
    };
    const attempt = (): unknown => mvcc.range(interval, query);
    if (revision > model.revision) {
      assert.throws(attempt, (error) => isStoreError(error, 'FutureRevision'));
    } else if (revision > 0 && revision < model.compactRevision) {
      assert.throws(
        attempt,
        (error) =>
          isStoreError(error, 'Compacted') && error.compactRevision === model.compactRevision,
      );
    } else {
      const all = model.find(interval, revision === 0 ? model.revision : revision);
      const cut = query.limit > 0 ? all.slice(0, query.limit) : all;
      const kvs = cut.map((kv) => (query.keysOnly ? { ...kv, value: new Uint8Array(0) } : kv));
      const more = !query.countOnly && cut.length < all.length;
      const expected = { kvs: query.countOnly ? [] : kvs, more, count: all.length };
      same(attempt(), expected, `range at ${revision}`);
    }
  }

  #checkHistory(): void {
    const { mvcc, model, random } = this;
    const after = random.below(model.revision + 1);
    const upTo = after + random.below(12);
    const limit = 1 + random.below(6);
    if (after + 1 < model.compactRevision) {
      assert.throws(
        () => mvcc.history(after, upTo, limit),
        (error) => isStoreError(error, 'Compacted'),
      );
      return;
    }
    const expected = model.batches
      .filter((batch) => batch !== undefined && batch.revision > after && batch.revision <= upTo)
      .slice(0, limit);
    // A key changed twice in the compaction revision keeps its last change only.
    const kept = expected.map((batch) =>
      batch?.revision === model.compactRevision ? lastChanges(batch.events) : batch?.events,
    );
    const bytesMax = random.below(3) === 0 ? 1 + random.below(60) : Number.POSITIVE_INFINITY;
    const actual = mvcc.history(after, upTo, limit, bytesMax);
    const cut = actual.length < expected.length;
    assert.deepEqual(
      actual.map((batch) => batch.revision),
      expected.slice(0, actual.length).map((batch) => batch?.revision),
    );
    assert.equal(bytesOf(actual) >= bytesMax || !cut, true, 'cut without need');
    assert.ok(actual.length === 0 || bytesOf(actual.slice(0, -1)) < bytesMax, 'not cut');
    actual.forEach((batch, index) => {
      const atCompaction = batch.revision === model.compactRevision;
      const events = atCompaction ? lastChanges(batch.events) : batch.events;
      same(events, kept[index], `history of ${batch.revision}`);
    });
  }
}

function bytesOf(batches: readonly RevisionBatch[]): number {
  let bytes = 0;
  for (const { events } of batches) {
    for (const { kv } of events) bytes += kv.key.length + kv.value.length;
  }
  return bytes;
}

function lastChanges<T extends { readonly kv: { readonly key: Uint8Array } }>(
  events: readonly T[],
): readonly T[] {
  const last = new Map(events.map((event) => [keyText(event.kv.key), event]));
  return events.filter((event) => last.get(keyText(event.kv.key)) === event);
}
