import type { Kernel, WatchCursor } from '../../kernel/index.js';
import {
  isStoreError,
  type RevisionBatch,
  StoreError,
  type WatchRequest,
} from '../../store/index.js';

/** What a member sends on a watch's stream, numbered from 0. */
export type WatchMessage = { readonly number: number } & (
  | { readonly kind: 'opened'; readonly position: number }
  | { readonly kind: 'batches'; readonly batches: readonly RevisionBatch[] }
  /** The answer to a sign of life; `position` is set when all up to there was sent. */
  | { readonly kind: 'alive'; readonly position: number | undefined }
  | { readonly kind: 'ended'; readonly error: StoreError }
);

/** Distributes over the union, so that its members stay apart. */
type Unnumbered<T> = T extends unknown ? Omit<T, 'number'> : never;

/** Batches that one message joins. */
const BATCHES_PER_MESSAGE = 16;

/** As much as a message takes: one look at history may give less. */
function gather(cursor: WatchCursor): readonly RevisionBatch[] {
  let batches = cursor.take(BATCHES_PER_MESSAGE);
  while (batches.length > 0 && batches.length < BATCHES_PER_MESSAGE) {
    const more = cursor.take(BATCHES_PER_MESSAGE - batches.length);
    if (more.length === 0) break;
    batches = [...batches, ...more];
  }
  return batches;
}

/**
 * A member's end of one watch. It pulls from a cursor as long as the client has room, and sends
 * numbered messages, so that the client can tell when one is missing.
 */
export class WatchSession {
  readonly #send: (message: WatchMessage) => void;
  readonly #windowMessages: number;
  #cursor: WatchCursor | undefined;
  #number = 0;
  #acknowledged = 0;
  #isOver = false;

  /** @param windowMessages - Messages that the client takes before it has read some */
  constructor(windowMessages: number, send: (message: WatchMessage) => void) {
    this.#windowMessages = windowMessages;
    this.#send = send;
  }

  /** Whether there is history that it has not been through. */
  get isLate(): boolean {
    const cursor = this.#cursor;
    return cursor !== undefined && !this.#isOver && !cursor.closed && !cursor.synced;
  }

  open(kernel: Kernel, request: WatchRequest): void {
    try {
      this.#cursor = kernel.openWatch(request);
    } catch (error) {
      if (!isStoreError(error)) throw error;
      this.#end(error);
      return;
    }
    this.#cursor.onReady = () => this.#pump();
    this.#tell({ kind: 'opened', position: this.#cursor.position });
    this.#pump();
  }

  /** The client has read the messages before `number`. */
  acknowledge(number: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, number);
    this.#pump();
  }

  /** The client wants to know whether there is anybody. */
  ping(): void {
    const cursor = this.#cursor;
    if (cursor === undefined || this.#isOver) return;
    this.#pump();
    this.#tell({ kind: 'alive', position: cursor.synced ? cursor.position : undefined });
  }

  close(): void {
    this.#isOver = true;
    this.#cursor?.close();
  }

  #pump(): void {
    const cursor = this.#cursor;
    while (cursor !== undefined && !this.#isOver) {
      if (this.#number - this.#acknowledged >= this.#windowMessages) return;
      const { position } = cursor;
      const batches = gather(cursor);
      if (batches.length > 0) {
        this.#tell({ kind: 'batches', batches });
        continue;
      }
      const { compactRevision } = cursor;
      // A slice of history in which nothing was for this watch.
      if (compactRevision === undefined && !cursor.closed && !cursor.synced) {
        if (cursor.position > position) continue;
      }
      if (compactRevision !== undefined) {
        this.#end(new StoreError('Compacted', undefined, { compactRevision }));
      } else if (cursor.closed) this.#end(new StoreError('Stopped'));
      return;
    }
  }

  #end(error: StoreError): void {
    this.#isOver = true;
    this.#tell({ kind: 'ended', error });
    this.#cursor?.close();
  }

  #tell(message: Unnumbered<WatchMessage>): void {
    this.#send({ ...message, number: this.#number++ });
  }
}
