import { compareBytes, equalBytes, type Interval, type RevisionBatch } from '../../store/index.js';
import type { WatchCursor } from './cursor.js';
import { type EventFilter, filterBatch, type PreviousPairs } from './event-filter.js';
import type { History } from './history.js';
import { batchBytes } from './batch-bytes.js';
import { type IndexedWatcher, NO_SLOT } from './watcher-index.js';

/**
 * One watcher: a place in history, and a bounded buffer of what comes next. Everything up to `#fed`
 * is in the buffer, was taken, or did not concern it; while the cursor is live the hub keeps that
 * promise for every published revision, otherwise `take` reads on from there. Both put batches
 * behind the same place in order, so there is no seam at which a revision could be lost or doubled.
 */
export class HubCursor implements WatchCursor, IndexedWatcher {
  onReady: () => void = ignore;
  readonly interval: Interval;
  readonly filter: EventFilter;
  slot = NO_SLOT;

  readonly #host: CursorHost;
  readonly #startRevision: number;
  readonly #buffer: RevisionBatch[] = [];
  /** Of keys and values in the buffer. */
  #byteCount = 0;
  #state: CursorState = 'catching up';
  /** While live: the host's revision, or what came before the start if that is later. */
  #fed: number;
  #lostAt: number | undefined;
  #queued = false;
  #called = false;
  /** Whether the consumer knows that this has ended. */
  #endTold = false;

  constructor(host: CursorHost, interval: Interval, filter: EventFilter, startRevision: number) {
    this.#host = host;
    this.interval = interval;
    this.filter = filter;
    this.#startRevision = startRevision;
    this.#fed = startRevision - 1;
    const { compactRevision } = host.history;
    if (startRevision < compactRevision) {
      this.#state = 'lost';
      this.#lostAt = compactRevision;
    } else if (this.#fed >= host.revision) this.#goLive();
    else host.joinCatchingUp(this);
  }

  get position(): number {
    const next = this.#buffer[0];
    if (next !== undefined) return next.revision - 1;
    // A start in the future says nothing about revisions that do not exist yet.
    return Math.min(this.#fedRevision(), this.#newestRevision());
  }

  get synced(): boolean {
    return this.#state === 'live' && this.position === this.#newestRevision();
  }

  get live(): boolean {
    return this.#state === 'live';
  }

  get compactRevision(): number | undefined {
    return this.#buffer.length === 0 ? this.#lostAt : undefined;
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** Batches that wait here. */
  get bufferedCount(): number {
    return this.#buffer.length;
  }

  take(limit: number): readonly RevisionBatch[] {
    this.#called = false;
    try {
      this.#readHistory(limit);
    } catch (error) {
      if (this.#host.broken === undefined) throw error;
      this.end();
      this.#host.broken(error);
      return NO_BATCHES;
    }
    const taken = this.#buffer.splice(0, Math.max(limit, 0));
    let byteCount = 0;
    for (const batch of taken) byteCount += batchBytes(batch);
    this.#count(-taken.length, -byteCount);
    if (this.#ready()) this.#enqueue();
    return taken;
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#fed = this.position;
    this.#leave();
    this.#state = 'closed';
    this.#endTold = true;
    this.#count(-this.#buffer.length, -this.#byteCount);
    this.#buffer.length = 0;
  }

  /** The member ends: like `close`, but the consumer is told. */
  end(): void {
    if (this.#state === 'closed') return;
    this.close();
    this.#endTold = false;
    this.#enqueue();
  }

  /** The hub's feed: the next published revision, as this watcher is to see it. */
  offer(batch: RevisionBatch): void {
    if (batch.revision < this.#startRevision) return;
    const byteCount = batchBytes(batch);
    if (this.#isFullFor(byteCount)) {
      this.fallBack(batch.revision - 1);
      return;
    }
    this.#push(batch, byteCount);
    this.#enqueue();
  }

  /** Leaves the live feed, having been fed up to `revision`. */
  fallBack(revision: number): void {
    this.#fed = Math.max(this.#fed, revision);
    this.#host.leaveLive(this);
    this.#host.joinCatchingUp(this);
    this.#state = 'catching up';
    this.#enqueue();
  }

  /** Whether the watcher still wants the revision. */
  wants(revision: number): boolean {
    return revision >= this.#startRevision;
  }

  /** Ends the watcher if what it still has to read is gone; what is yet to be published is not. */
  checkCompaction(compactRevision: number): void {
    if (this.#state !== 'catching up' || this.#fed >= this.#host.revision) return;
    if (this.#fed + 1 >= compactRevision) return;
    this.#leave();
    this.#state = 'lost';
    this.#lostAt = compactRevision;
    this.#enqueue();
  }

  /** Calls `onReady` if it is due. */
  callReady(): void {
    this.#queued = false;
    if (!this.#ready()) return;
    this.#called = true;
    if (this.#buffer.length === 0 && this.#ended()) this.#endTold = true;
    this.onReady();
  }

  /** Tells the consumer, later, that `take` may have something. */
  announce(): void {
    if (this.#ready()) this.#enqueue();
  }

  #ready(): boolean {
    if (this.#buffer.length > 0 || this.#state === 'catching up') return true;
    return this.#ended() && !this.#endTold;
  }

  #ended(): boolean {
    return this.#state === 'lost' || this.#state === 'closed';
  }

  #enqueue(): void {
    if (this.#queued || this.#called) return;
    this.#queued = true;
    this.#host.enqueue(this);
  }

  #fedRevision(): number {
    return this.#state === 'live' ? Math.max(this.#fed, this.#host.revision) : this.#fed;
  }

  #newestRevision(): number {
    return Math.max(this.#host.revision, this.#host.history.revision);
  }

  #isFullFor(byteCount: number): boolean {
    if (this.#buffer.length === 0) return false;
    const { bufferBatches, bufferBytes } = this.#host;
    return this.#buffer.length >= bufferBatches || this.#byteCount + byteCount > bufferBytes;
  }

  #push(batch: RevisionBatch, byteCount: number): void {
    this.#buffer.push(batch);
    this.#count(1, byteCount);
  }

  #count(batchCount: number, byteCount: number): void {
    this.#byteCount += byteCount;
    this.#host.buffered(batchCount, byteCount);
  }

  #goLive(): void {
    this.#host.joinLive(this);
    this.#state = 'live';
  }

  #leave(): void {
    if (this.#state === 'live') this.#host.leaveLive(this);
    else if (this.#state === 'catching up') this.#host.leaveCatchingUp(this);
  }

  /**
   * Reads on until `limit` batches or the buffer's bytes wait, the feed is reached, or a slice's
   * worth of revisions or of bytes was looked at: the rest is for the next call, so that no
   * consumer holds up the others for long, nor more of history in memory than it may.
   */
  #readHistory(limit: number): void {
    let budget = this.#host.sliceRevisions;
    let bytesLeft = this.#host.bufferBytes;
    while (this.#state === 'catching up' && this.#buffer.length < limit) {
      if (budget <= 0 || bytesLeft <= 0 || this.#byteCount >= this.#host.bufferBytes) return;
      const { history, revision } = this.#host;
      this.checkCompaction(history.compactRevision);
      if (this.#state !== 'catching up') return;
      const wanted = Math.min(budget, limit - this.#buffer.length + this.#host.bufferBatches);
      const slice = this.#fed < revision ? this.#host.read(this.#fed, wanted) : NO_BATCHES;
      budget -= slice.length;
      for (const batch of slice) {
        bytesLeft -= batchBytes(batch);
        if (!this.#readBatch(batch)) return;
      }
      if (slice.length === 0) this.#fed = Math.max(this.#fed, revision);
      if (this.#fed < revision) continue;
      this.#host.leaveCatchingUp(this);
      this.#goLive();
    }
  }

  /** False: what the watcher sees of it has no room; it is to be read again. */
  #readBatch(batch: RevisionBatch): boolean {
    if (batch.revision <= this.#fed) {
      throw new Error(`history goes back: ${batch.revision} after ${this.#fed}`);
    }
    const seen = this.#seenOf(batch);
    if (seen !== undefined) {
      const byteCount = batchBytes(seen);
      const { bufferBytes } = this.#host;
      if (this.#buffer.length > 0 && this.#byteCount + byteCount > bufferBytes) return false;
      this.#push(seen, byteCount);
    }
    this.#fed = batch.revision;
    return true;
  }

  #seenOf(batch: RevisionBatch): RevisionBatch | undefined {
    const within = batch.events.filter((event) => contains(this.interval, event.kv.key));
    if (within.length === 0) return undefined;
    const whole = within.length === batch.events.length;
    const reduced = whole ? batch : { revision: batch.revision, events: within };
    return filterBatch(reduced, this.filter, this.#host.previous);
  }
}

/** The hub, as its cursors see it. */
export interface CursorHost {
  readonly history: History;
  readonly previous: PreviousPairs;
  /** Published revisions above `after`, at most `limit`, at least one if there is any. */
  read(after: number, limit: number): readonly RevisionBatch[];
  /** The last published revision. */
  readonly revision: number;
  readonly bufferBatches: number;
  readonly bufferBytes: number;
  readonly sliceRevisions: number;
  joinLive(cursor: HubCursor): void;
  leaveLive(cursor: HubCursor): void;
  joinCatchingUp(cursor: HubCursor): void;
  leaveCatchingUp(cursor: HubCursor): void;
  /** Counts batches and their bytes into (or, negative, out of) buffers. */
  buffered(batchCount: number, byteCount: number): void;
  /** Has `callReady` called soon. */
  enqueue(cursor: HubCursor): void;
  /** Told of a history that cannot be read. */
  readonly broken: ((error: unknown) => void) | undefined;
}

type CursorState = 'live' | 'catching up' | 'lost' | 'closed';

const NO_BATCHES: readonly RevisionBatch[] = [];

function ignore(): void {}

function contains(interval: Interval, key: Uint8Array): boolean {
  const { start, end } = interval;
  if (end === undefined) return equalBytes(start, key);
  return compareBytes(start, key) <= 0 && (end === null || compareBytes(key, end) < 0);
}
