import type { WatchCursor } from '../../kernel/index.js';
import { LIMITS, type RevisionBatch, type StoreEvent } from '../../store/index.js';
import { encodeEvent, type WatchCreate } from '../../wire/watch.js';

/** Events of whole revisions that go into one response. */
export interface EventSlice {
  readonly events: readonly StoreEvent[];
  /** All that concerns the watcher up to here has been sent with this slice. */
  readonly revision: number;
}

/**
 * One watcher of a stream: its cursor, and the batches that were taken from it and wait to be sent.
 * Takes a little at a time, so that a slow client holds history back in the store and not here.
 */
export class StreamWatcher {
  readonly id: number;
  readonly cursor: WatchCursor;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  /** Whether nothing was sent since the last progress notification. */
  quiet = true;
  #backlog: readonly RevisionBatch[] = [];
  #next = 0;

  constructor(id: number, cursor: WatchCursor, create: WatchCreate) {
    this.id = id;
    this.cursor = cursor;
    this.fragment = create.fragment;
    this.progressNotify = create.request.progressNotify === true;
  }

  /** Whether the client has been sent everything up to the store's current revision. */
  get synced(): boolean {
    return this.#next >= this.#backlog.length && this.cursor.synced;
  }

  /** What to send next: revisions are never split, and joined while they are small. */
  take(): EventSlice | undefined {
    if (this.#next >= this.#backlog.length) {
      this.#backlog = this.cursor.take(LIMITS.watchResponseRevisions);
      this.#next = 0;
    }
    const first = this.#backlog[this.#next];
    if (first === undefined) return undefined;
    this.#next += 1;
    let last = first;
    let { events } = first;
    let joined: StoreEvent[] | undefined;
    let bytes = sizeOf(events);
    for (;;) {
      const following = this.#backlog[this.#next];
      if (following === undefined) break;
      bytes += sizeOf(following.events);
      if (bytes > LIMITS.watchResponseBytes) break;
      if (joined === undefined) joined = [...events];
      for (const event of following.events) joined.push(event);
      events = joined;
      last = following;
      this.#next += 1;
    }
    if (this.#next < this.#backlog.length) return { events, revision: last.revision };
    this.#backlog = [];
    this.#next = 0;
    return { events, revision: Math.max(last.revision, this.cursor.position) };
  }
}

function sizeOf(events: readonly StoreEvent[]): number {
  let bytes = 0;
  for (const event of events) bytes += encodeEvent(event).length;
  return bytes;
}

/** Cuts events into parts that stay below `bytesMax`, except where one event alone is larger. */
export function fragmentsOf(
  events: readonly StoreEvent[],
  bytesMax: number,
): readonly (readonly StoreEvent[])[] {
  const parts: StoreEvent[][] = [];
  let part: StoreEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = encodeEvent(event).length;
    if (part.length > 0 && bytes + size > bytesMax) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(event);
    bytes += size;
  }
  parts.push(part);
  return parts;
}
