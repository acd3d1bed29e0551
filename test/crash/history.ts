// What a watcher saw, judged: revisions without gap or repetition, and for each request that was
// sent whether the history can be explained by what its caller was told.
import assert from 'node:assert/strict';
import type { RevisionBatch, StoreEvent } from '../../src/store/index.js';
import { toText } from '../../src/store/index.js';

/** A change that a writer asked for, and what it was told. */
export interface Write {
  /** In each pair that it puts, so that it can be found again; empty when it only deletes. */
  readonly value: string;
  /** Keys that it puts. */
  readonly puts: readonly string[];
  /** Keys that are gone after it, at its revision, whatever was there before. */
  readonly deletes: readonly string[];
  /** The revision that was acknowledged; undefined when the caller cannot know the outcome. */
  readonly revision: number | undefined;
}

/** A read of one key, and where in time and history it belongs. */
export interface Read {
  readonly key: string;
  /** Empty when there was none. */
  readonly value: string;
  readonly revision: number;
  /** The highest revision that anybody had been told of when the read began. */
  readonly atLeast: number;
}

/** The whole history, from the first revision on. */
export class History {
  readonly #batches: readonly RevisionBatch[];

  /** @throws when a revision is missing, repeated or out of order */
  constructor(batches: readonly RevisionBatch[]) {
    this.#batches = batches;
    for (const [at, batch] of batches.entries()) {
      assert.equal(batch.revision, at + 2, 'the watch skipped or repeated a revision');
    }
  }

  get lastRevision(): number {
    return this.#batches.length + 1;
  }

  /** Every acknowledged write is there, at its revision; every other one at most once. */
  checkWrites(writes: readonly Write[]): void {
    const revisionsOf = new Map<string, Set<number>>();
    for (const { revision, events } of this.#batches) {
      for (const event of events) {
        if (event.type !== 'put') continue;
        const value = toText(event.kv.value);
        const revisions = revisionsOf.get(value) ?? new Set();
        revisionsOf.set(value, revisions.add(revision));
      }
    }
    for (const write of writes) {
      if (write.revision !== undefined) this.#checkAcknowledged(write, write.revision);
      if (write.value === '') continue;
      const found = [...(revisionsOf.get(write.value) ?? [])];
      revisionsOf.delete(write.value);
      assert.ok(
        found.length <= 1,
        `${write.value} was written ${found.length} times: ${found.join()}`,
      );
      if (found[0] !== undefined) this.#checkWhole(write, found[0]);
    }
    assert.deepEqual([...revisionsOf.keys()], [], 'values that nobody wrote');
  }

  checkReads(reads: readonly Read[]): void {
    const state = new Map<string, string>();
    let at = 0;
    for (const read of reads.toSorted((a, b) => a.revision - b.revision)) {
      for (; at < this.#batches.length; at++) {
        const batch = this.#batches[at] as RevisionBatch;
        if (batch.revision > read.revision) break;
        for (const event of batch.events) applyTo(state, event);
      }
      assert.ok(read.revision >= read.atLeast, `stale read: ${JSON.stringify(read)}`);
      assert.equal(state.get(read.key) ?? '', read.value, `wrong read: ${JSON.stringify(read)}`);
    }
  }

  /** What is in the store at the end. */
  finalState(): Map<string, string> {
    const state = new Map<string, string>();
    for (const { events } of this.#batches) for (const event of events) applyTo(state, event);
    return state;
  }

  #checkAcknowledged(write: Write, revision: number): void {
    const batch = this.#batches[revision - 2];
    assert.ok(batch !== undefined, `acknowledged at ${revision}, lost: ${JSON.stringify(write)}`);
    if (write.value !== '') this.#checkWhole(write, revision);
    else {
      const kept = write.deletes.filter((key) => !has(batch, 'delete', key));
      assert.deepEqual(kept, [], `acknowledged at ${revision}, not deleted`);
    }
  }

  /** A write is there as a whole or not at all. */
  #checkWhole(write: Write, revision: number): void {
    const batch = this.#batches[revision - 2] as RevisionBatch;
    for (const key of write.puts) {
      assert.ok(has(batch, 'put', key, write.value), `${key}=${write.value} is not at ${revision}`);
    }
  }
}

function has(batch: RevisionBatch, type: 'put' | 'delete', key: string, value = ''): boolean {
  return batch.events.some(
    (event) =>
      event.type === type && toText(event.kv.key) === key && toText(event.kv.value) === value,
  );
}

function applyTo(state: Map<string, string>, event: StoreEvent): void {
  const key = toText(event.kv.key);
  if (event.type === 'put') state.set(key, toText(event.kv.value));
  else state.delete(key);
}
