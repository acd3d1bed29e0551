import type { Backend } from '../../ports/backend.js';
import type { Interval, KeyValue, RangeData, RevisionBatch } from '../../store/index.js';
import type { WriteBuffer } from './write-buffer.js';

export interface MvccOptions {
  readonly backend: Backend;
  readonly buffer: WriteBuffer;
  /** Called while opening, for each live key that is attached to a lease. */
  readonly onLeasedKey?: (key: Uint8Array, lease: bigint) => void;
  readonly onProgress?: (rows: number, total: number) => void;
}

export interface RangeQuery {
  /** 0: now. */
  readonly revision: number;
  /** 0: all. */
  readonly limit: number;
  readonly countOnly: boolean;
  readonly keysOnly: boolean;
}

export class Mvcc {
  static open(options: MvccOptions): Promise<Mvcc> {
    void options;
    throw new Error('not written yet');
  }
  get revision(): number {
    throw new Error('not written yet');
  }
  get compactRevision(): number {
    throw new Error('not written yet');
  }
  get keyCount(): number {
    throw new Error('not written yet');
  }
  get rollingHash(): number {
    throw new Error('not written yet');
  }
  get compacting(): boolean {
    throw new Error('not written yet');
  }
  range(interval: Interval, query: RangeQuery): RangeData {
    throw new Error(`not written yet ${interval.start.length} ${query.limit}`);
  }
  get(key: Uint8Array, revision = 0): KeyValue | undefined {
    throw new Error(`not written yet ${key.length} ${revision}`);
  }
  begin(): MvccWrite {
    throw new Error('not written yet');
  }
  history(after: number, upTo: number, limit: number): readonly RevisionBatch[] {
    throw new Error(`not written yet ${after} ${upTo} ${limit}`);
  }
  previous(key: Uint8Array, modRevision: number): KeyValue | undefined {
    throw new Error(`not written yet ${key.length} ${modRevision}`);
  }
  compact(revision: number): void {
    throw new Error(`not written yet ${revision}`);
  }
  compactStep(): boolean {
    throw new Error('not written yet');
  }
  hashKv(revision: number): { hash: number; hashRevision: number; compactRevision: number } {
    throw new Error(`not written yet ${revision}`);
  }
}

export interface MvccWrite {
  /** The revision that these changes get: current + 1. */
  readonly revision: number;
  /** Changes made so far in this write. */
  readonly changeCount: number;
  /** Sees this write's own earlier changes when the query's revision is 0. */
  range(interval: Interval, query: RangeQuery): RangeData;
  get(key: Uint8Array): KeyValue | undefined;
  put(
    key: Uint8Array,
    value: Uint8Array,
    lease: bigint,
    wantPrevious: boolean,
  ): { readonly previous: KeyValue | undefined; readonly previousLease: bigint };
  deleteRange(
    interval: Interval,
    wantPrevious: boolean,
  ): {
    readonly deleted: number;
    readonly previous: readonly KeyValue[];
    readonly keys: readonly { readonly key: Uint8Array; readonly lease: bigint }[];
  };
  /** Makes the changes visible; undefined, and no new revision, when there were none. */
  commit(): RevisionBatch | undefined;
}
