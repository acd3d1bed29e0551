// A Backend in memory: enough for a member that a test starts and throws away. It is sorted at
// every read, so keep the tests small.
import type {
  Backend,
  BackendRow,
  BackendView,
  BackendWrite,
  Bucket,
} from '../../../src/ports/backend.js';
import { compareBytes } from '../../../src/store/index.js';

export class MemoryBackend implements Backend {
  readonly #rows = new Map<string, BackendRow & { readonly bucket: Bucket }>();

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(nameOf(bucket, key))?.value;
  }

  range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow> {
    const found = [...this.#rows.values()]
      .filter((row) => row.bucket === bucket && compareBytes(row.key, from) >= 0)
      .filter((row) => to === undefined || compareBytes(row.key, to) < 0)
      .sort((a, b) => compareBytes(a.key, b.key));
    return limit === 0 ? found : found.slice(0, limit);
  }

  count(bucket: Bucket): number {
    return [...this.#rows.values()].filter((row) => row.bucket === bucket).length;
  }

  commit(writes: readonly BackendWrite[]): Promise<void> {
    for (const { bucket, key, value } of writes) {
      const name = nameOf(bucket, key);
      if (value === undefined) this.#rows.delete(name);
      else this.#rows.set(name, { bucket, key: key.slice(), value: value.slice() });
    }
    return Promise.resolve();
  }

  view(): BackendView {
    const copy = new MemoryBackend();
    for (const [name, row] of this.#rows) copy.#rows.set(name, row);
    return {
      range: (...asked) => copy.range(...asked),
      count: (bucket) => copy.count(bucket),
      release: () => {},
    };
  }

  async replace(
    rows: AsyncIterable<readonly BackendWrite[]>,
    shown: () => void = () => {},
  ): Promise<void> {
    const fresh = new MemoryBackend();
    for await (const writes of rows) await fresh.commit(writes);
    this.#rows.clear();
    for (const [name, row] of fresh.#rows) this.#rows.set(name, row);
    shown();
  }

  defragment(): Promise<void> {
    return Promise.resolve();
  }

  size(): { readonly allocatedBytes: number; readonly usedBytes: number } {
    return { allocatedBytes: 32_768, usedBytes: 16_384 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function nameOf(bucket: Bucket, key: Uint8Array): string {
  return `${bucket}/${Buffer.from(key).toString('hex')}`;
}
