import type { Backend, BackendRow, Bucket } from '../../ports/backend.js';

/**
 * Rows that are not in the backend yet. Readers see the buffer over the backend; a flush moves all
 * of it in one backend transaction. Never flushes by itself: its owner decides when.
 */
export class WriteBuffer {
  constructor(backend: Backend) {
    void backend;
  }

  get rowCount(): number {
    throw new Error('not written yet');
  }

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    throw new Error(`not written yet ${bucket} ${key.length} ${value.length}`);
  }

  remove(bucket: Bucket, key: Uint8Array): void {
    throw new Error(`not written yet ${bucket} ${key.length}`);
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    throw new Error(`not written yet ${bucket} ${key.length}`);
  }

  range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow> {
    throw new Error(`not written yet ${bucket} ${from.length} ${to?.length} ${limit}`);
  }

  /** Called at the start of each flush, to put the rows that describe the state as a whole. */
  onFlush(prepare: () => void): void {
    void prepare;
  }

  /**
   * Swaps the buffer and commits it in one backend transaction; resolves when durable. One flush at
   * a time, and only between entries, so that the rows agree with the meta rows among them.
   */
  flush(): Promise<void> {
    throw new Error('not written yet');
  }
}
