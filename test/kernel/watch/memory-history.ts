// History for the hub, in an array: it gives exactly what the contract of History promises, refuses
// what the hub must not ask for, and counts what it was asked.
import {
  type KeyValue,
  type RevisionBatch,
  type StoreEvent,
  toBytes,
} from '../../../src/store/index.js';
import type { History } from '../../../src/kernel/watch/history.js';

/** A change to make: text to put, or null to delete. */
export type Change = readonly [key: string, value: string | null];

export class MemoryHistory implements History {
  revision = 1;
  compactRevision = -1;
  /** Calls of `history`, of `previous`. */
  historyCalls = 0;
  previousCalls = 0;
  /** The most that one call of `history` gave. */
  bytesReadMost = 0;
  readonly #batches: RevisionBatch[] = [];
  readonly #versions = new Map<string, KeyValue[]>();

  /** Applies one revision. Deletes of missing keys are recorded too: the hub does not care. */
  apply(...changes: readonly Change[]): RevisionBatch {
    this.revision++;
    const batch = { revision: this.revision, events: changes.map((change) => this.#event(change)) };
    this.#batches.push(batch);
    return batch;
  }

  compact(revision: number): void {
    if (revision > this.revision) throw new Error('compaction in the future');
    this.compactRevision = revision;
  }

  history(after: number, upTo: number, limit: number, bytesMax: number): readonly RevisionBatch[] {
    this.historyCalls++;
    if (after + 1 < this.compactRevision)
      throw new Error(`read of compacted revision ${after + 1}`);
    if (upTo > this.revision) throw new Error('read of the future');
    if (limit < 1) throw new Error(`limit ${limit}`);
    const batches: RevisionBatch[] = [];
    let bytes = 0;
    for (const batch of this.#batches.slice(Math.max(0, after - 1), upTo - 1).slice(0, limit)) {
      if (bytes >= bytesMax) break;
      batches.push(batch);
      for (const { kv } of batch.events) bytes += kv.key.length + kv.value.length;
    }
    this.bytesReadMost = Math.max(this.bytesReadMost, bytes);
    return batches;
  }

  previous(key: Uint8Array, modRevision: number): KeyValue | undefined {
    this.previousCalls++;
    if (modRevision - 1 < this.compactRevision) return undefined;
    return this.before(key, modRevision);
  }

  /** The pair before a change, compacted or not. */
  before(key: Uint8Array, modRevision: number): KeyValue | undefined {
    const versions = this.#versions.get(key.toString()) ?? [];
    const found = versions.findLast((version) => version.modRevision < modRevision);
    return found === undefined || found.version === 0 ? undefined : found;
  }

  /** All batches, compacted or not. */
  all(): readonly RevisionBatch[] {
    return this.#batches;
  }

  #event([text, value]: Change): StoreEvent {
    const key = toBytes(text);
    const versions = this.#versions.get(key.toString()) ?? [];
    const last = versions.at(-1);
    const live = last !== undefined && last.version > 0;
    const version = value === null ? 0 : (live ? last.version : 0) + 1;
    const created = live ? last.createRevision : this.revision;
    const kv = {
      key,
      value: toBytes(value ?? ''),
      createRevision: value === null ? 0 : created,
      modRevision: this.revision,
      version,
      lease: 0n,
    };
    this.#versions.set(key.toString(), [...versions, kv]);
    return { type: value === null ? 'delete' : 'put', kv };
  }
}
