import { Observable, type Subscriber } from 'rxjs';
import type { Clock, Timer } from '../ports/clock.js';
import { type RevisionBatch, StoreError, type WatchRequest } from '../store/index.js';
import type { WatchCursor } from './watch/cursor.js';

/** Batches handed to a subscriber before others get a turn. */
const BATCHES_PER_TURN = 64;

export interface LocalWatchOptions {
  readonly open: (request: WatchRequest) => WatchCursor;
  readonly clock: Clock;
  readonly random: { below(bound: number): number };
  /** Time between two progress batches of a quiet watcher. */
  readonly progressMs: number;
}

/**
 * A watch as a cold Observable over a cursor. A subscriber is called synchronously, so the cursor
 * never runs ahead of it; between two slices of history other work gets its turn.
 */
export function localWatch(
  options: LocalWatchOptions,
  request: WatchRequest,
): Observable<RevisionBatch> {
  return new Observable<RevisionBatch>((subscriber) => {
    let cursor: WatchCursor;
    try {
      cursor = options.open(request);
    } catch (error) {
      subscriber.error(error);
      return undefined;
    }
    const feed = new Feed(cursor, subscriber, options, request.progressNotify === true);
    feed.start();
    return () => feed.stop();
  });
}

/** Moves one cursor's batches to one subscriber. */
class Feed {
  readonly #cursor: WatchCursor;
  readonly #subscriber: Subscriber<RevisionBatch>;
  readonly #options: LocalWatchOptions;
  readonly #wantsProgress: boolean;
  #turn: Timer | undefined;
  #progress: Timer | undefined;
  #quiet = true;

  constructor(
    cursor: WatchCursor,
    subscriber: Subscriber<RevisionBatch>,
    options: LocalWatchOptions,
    wantsProgress: boolean,
  ) {
    this.#cursor = cursor;
    this.#subscriber = subscriber;
    this.#options = options;
    this.#wantsProgress = wantsProgress;
  }

  start(): void {
    this.#cursor.onReady = () => this.#drain();
    if (this.#wantsProgress) this.#armProgress();
    // Not from inside `subscribe`: a subscriber must have its subscription before it is called.
    queueMicrotask(() => this.#drain());
  }

  stop(): void {
    this.#turn?.cancel();
    this.#progress?.cancel();
    this.#cursor.close();
  }

  #drain(): void {
    this.#turn?.cancel();
    this.#turn = undefined;
    const batches = this.#cursor.take(BATCHES_PER_TURN);
    for (const batch of batches) {
      if (this.#subscriber.closed) return;
      this.#quiet = false;
      this.#subscriber.next(batch);
    }
    if (this.#subscriber.closed) return;
    if (this.#cursor.compactRevision !== undefined) {
      const { compactRevision } = this.#cursor;
      this.#subscriber.error(new StoreError('Compacted', undefined, { compactRevision }));
    } else if (this.#cursor.closed) {
      this.#subscriber.error(new StoreError('Stopped'));
    } else if (!this.#cursor.synced) {
      this.#turn = this.#options.clock.timer(0, () => this.#drain());
    }
  }

  #armProgress(): void {
    const { clock, random, progressMs } = this.#options;
    const jitterMs = random.below(Math.max(1, Math.floor(progressMs / 10)));
    this.#progress = clock.timer(progressMs + jitterMs, () => {
      if (this.#quiet && this.#cursor.synced) {
        this.#subscriber.next({ revision: this.#cursor.position, events: [] });
      }
      this.#quiet = true;
      if (!this.#subscriber.closed) this.#armProgress();
    });
  }
}
