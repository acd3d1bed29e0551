import {
  isEmptyInterval,
  LIMITS,
  OPEN_END,
  type RevisionBatch,
  StoreError,
  toBytes,
  toInterval,
  type WatchRequest,
} from '../../store/index.js';
import type { WatchCursor } from './cursor.js';
import { PreviousPairs, toFilter } from './event-filter.js';
import type { History } from './history.js';
import { type CursorHost, HubCursor } from './hub-cursor.js';
import { RecentBatches } from './recent-batches.js';
import { WatcherIndex } from './watcher-index.js';

export interface WatchHubOptions {
  readonly history: History;
  /** Batches that may wait in one cursor before it falls back to reading history. */
  readonly bufferBatches?: number | undefined;
  /** Bytes of keys and values in them beyond which it does; one batch may always wait. */
  readonly bufferBytes?: number;
  /** Revisions that are kept in memory for those that fell behind; 0: none. */
  readonly recentRevisions?: number | undefined;
  /** Revisions of history that one `take` may look at. */
  readonly sliceRevisions?: number | undefined;
  /**
   * Called when `notify` has something to do and nobody was told since it last ran; must not call
   * `notify` itself. Absent: `notify` runs as a microtask.
   */
  readonly wake?: () => void;
  /**
   * Told of a history that cannot be read; the watcher that found out has ended. Absent: `take`
   * throws what history threw.
   */
  readonly onBroken?: (error: unknown) => void;
}

/**
 * All watchers of one member. Those that are level with the store are fed each revision as it is
 * published, found by an index; the others read history when their consumer takes. The hub never
 * calls a consumer except from `notify`, never waits for one, and keeps only bounded buffers.
 */
export class WatchHub {
  readonly #history: History;
  readonly #host: CursorHost;
  readonly #wake: () => void;
  readonly #live = new WatcherIndex<HubCursor>();
  readonly #previous: PreviousPairs;
  readonly #recent: RecentBatches;
  readonly #catchingUp = new Set<HubCursor>();
  #pending: HubCursor[] = [];
  #awake = false;
  #revision: number;
  #bufferedCount = 0;
  #bufferedBytes = 0;
  #closed = false;

  constructor(options: WatchHubOptions) {
    this.#history = options.history;
    this.#revision = options.history.revision;
    this.#previous = new PreviousPairs(options.history);
    this.#recent = new RecentBatches(
      options.recentRevisions ?? LIMITS.watchRecentRevisions,
      LIMITS.watchRecentBytes,
    );
    this.#wake = options.wake ?? (() => queueMicrotask(() => this.notify()));
    this.#host = this.#makeHost(
      options.bufferBatches ?? LIMITS.watchBufferBatches,
      options.bufferBytes ?? LIMITS.watchBufferBytes,
      options.sliceRevisions ?? LIMITS.watchSliceRevisions,
      options.onBroken,
    );
  }

  /** Watchers that have not ended. */
  get watcherCount(): number {
    return this.#live.size + this.#catchingUp.size;
  }

  /** Those of them that are behind and not in the live feed. */
  get slowWatcherCount(): number {
    return this.#catchingUp.size;
  }

  /** Batches that wait in buffers. */
  get pendingBatchCount(): number {
    return this.#bufferedCount;
  }

  /** Bytes of keys and values in them, those of previous pairs included. */
  get pendingByteCount(): number {
    return this.#bufferedBytes;
  }

  /**
   * Opens a watcher. A start of 0 is after the store's revision; in the past, history is replayed
   * from there; in the future, nothing before it is delivered; below the compaction revision the
   * cursor has ended from the beginning, with `compactRevision` set. An empty key stands for the
   * least one, a zero byte, as in etcd. `onReady` follows, from `notify`, if there is something to
   * take.
   * @throws StoreError `WatchRangeEmpty`, `Compacted` for a negative start, `Stopped` after
   * `close`, `InvalidArgument` for a start that is no revision
   */
  open(request: WatchRequest): WatchCursor {
    if (this.#closed) throw new StoreError('Stopped');
    const startRevision = this.#startOf(request);
    const key = toBytes(request.key);
    const interval = toInterval({
      key: key.length === 0 ? OPEN_END : key.slice(),
      rangeEnd: toBytes(request.rangeEnd).slice(),
    });
    if (isEmptyInterval(interval)) throw new StoreError('WatchRangeEmpty');
    const cursor = new HubCursor(this.#host, interval, toFilter(request), startRevision);
    cursor.announce();
    return cursor;
  }

  /**
   * Takes the next revision, after it was applied and committed: in order, each once. A gap means
   * that revisions arrived otherwise (a snapshot); everyone then reads them from history.
   * @throws Error for a revision that was published before
   */
  publish(batch: RevisionBatch): void {
    if (this.#closed) return;
    const { revision } = batch;
    if (revision <= this.#revision) {
      throw new Error(`revision ${revision} published after ${this.#revision}`);
    }
    const before = this.#revision;
    this.#revision = revision;
    if (this.watcherCount === 0) {
      this.#recent.clear();
      return;
    }
    this.#recent.push(batch);
    if (revision === before + 1) this.#live.offer(batch, this.#previous);
    else this.#fallBackAll(before);
  }

  /**
   * History went forward without being published, as when a snapshot was installed: everyone reads
   * from its own position on, or ends if what it needs is not there any more.
   */
  historyReplaced(): void {
    if (this.#closed) return;
    const before = this.#revision;
    this.#revision = Math.max(before, this.#history.revision);
    if (this.#revision > before) this.#fallBackAll(before);
    this.compacted(this.#history.compactRevision);
  }

  /** History below `compactRevision` was discarded: cursors that still needed it end. */
  compacted(compactRevision: number): void {
    for (const cursor of this.#catchingUp) cursor.checkCompaction(compactRevision);
  }

  /**
   * Calls the consumers that have something to take, each at most once. Consumers must not throw.
   * What becomes ready meanwhile is for the next call.
   */
  notify(): void {
    const due = this.#pending;
    this.#pending = [];
    this.#awake = false;
    for (const cursor of due) cursor.callReady();
  }

  /** Ends every watcher; their consumers are told by a last `notify`. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#recent.clear();
    for (const cursor of this.#catchingUp) cursor.end();
    for (const cursor of this.#live.all()) cursor.end();
  }

  #startOf(request: WatchRequest): number {
    const startRevision = request.startRevision ?? 0;
    if (!Number.isInteger(startRevision)) {
      throw new StoreError('InvalidArgument', `startRevision ${startRevision} is not a revision`);
    }
    if (startRevision < 0) {
      const { compactRevision } = this.#history;
      throw new StoreError('Compacted', undefined, { compactRevision });
    }
    // The wire's 64 bits go further than revisions ever will: such a watch waits for ever.
    if (startRevision > 0) return Math.min(startRevision, Number.MAX_SAFE_INTEGER);
    return Math.max(this.#revision, this.#history.revision) + 1;
  }

  #fallBackAll(before: number): void {
    for (const cursor of this.#live.all())
      if (cursor.wants(this.#revision)) cursor.fallBack(before);
  }

  #makeHost(
    bufferBatches: number,
    bufferBytes: number,
    sliceRevisions: number,
    broken: CursorHost['broken'],
  ): CursorHost {
    const revision = (): number => this.#revision;
    return {
      history: this.#history,
      previous: this.#previous,
      read: (after, limit) =>
        this.#recent.read(after, this.#revision, limit) ??
        this.#history.history(after, this.#revision, limit, bufferBytes),
      get revision() {
        return revision();
      },
      bufferBatches,
      bufferBytes,
      sliceRevisions,
      joinLive: (cursor) => this.#live.add(cursor),
      leaveLive: (cursor) => this.#live.remove(cursor),
      joinCatchingUp: (cursor) => this.#catchingUp.add(cursor),
      leaveCatchingUp: (cursor) => this.#catchingUp.delete(cursor),
      buffered: (batchCount, byteCount) => {
        this.#bufferedCount += batchCount;
        this.#bufferedBytes += byteCount;
      },
      enqueue: (cursor) => this.#enqueue(cursor),
      broken,
    };
  }

  #enqueue(cursor: HubCursor): void {
    this.#pending.push(cursor);
    if (this.#awake) return;
    this.#awake = true;
    this.#wake();
  }
}
