// Rows of the lease bucket in memory: what the lessor needs of a write buffer.
import type { Bucket, BackendRow } from '../../../src/ports/backend.js';
import { compareBytes } from '../../../src/store/index.js';
import type { LeaseRows } from '../../../src/kernel/lease/lessor.js';

export class MemoryRows implements LeaseRows {
  readonly #rows = new Map<string, BackendRow>();

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    this.#rows.set(name(bucket, key), { key, value });
  }

  remove(bucket: Bucket, key: Uint8Array): void {
    this.#rows.delete(name(bucket, key));
  }

  range(bucket: Bucket): Iterable<BackendRow> {
    return [...this.#rows]
      .filter(([rowName]) => rowName.startsWith(`${bucket}/`))
      .map(([, row]) => row)
      .sort((a, b) => compareBytes(a.key, b.key));
  }

  get count(): number {
    return this.#rows.size;
  }
}

function name(bucket: Bucket, key: Uint8Array): string {
  return `${bucket}/${key.toString()}`;
}
