import type { Subscriber } from 'rxjs';
import type { RevisionBatch, StoreError, StoreEvent, WatchRequest } from '../store/index.js';
import type { WatchResponse } from '../wire/watch.js';

/**
 * One watch of one subscriber: how far it is, and what of a split response has come so far. It
 * turns responses into one batch a revision, never skips one and never tells one twice.
 */
export class WatchSubscription {
  /** The server's name for it on the present stream; undefined while there is none. */
  watchId: number | undefined;
  readonly #request: WatchRequest;
  readonly #subscriber: Subscriber<RevisionBatch>;
  /**
   * First revision to ask for when the watch is opened (again), and to take; 0: not known yet. It
   * never goes back, also where the next member lags behind: that one is to wait until it is there.
   */
  #resumeRevision: number;
  #parts: StoreEvent[] = [];

  constructor(request: WatchRequest, subscriber: Subscriber<RevisionBatch>) {
    this.#request = request;
    this.#subscriber = subscriber;
    this.#resumeRevision = request.startRevision ?? 0;
  }

  get closed(): boolean {
    return this.#subscriber.closed;
  }

  /** What to ask a server for now; parts of a response of an earlier stream are forgotten. */
  openRequest(): WatchRequest {
    this.#parts = [];
    this.watchId = undefined;
    return { ...this.#request, startRevision: this.#resumeRevision };
  }

  /**
   * The server watches as of `revision`. A watch that was to begin "now" has its beginning from
   * here on, so that a break before its first event loses nothing.
   */
  opened(revision: number): void {
    if (this.#resumeRevision === 0) this.#resumeRevision = revision + 1;
  }

  receive(response: WatchResponse): void {
    const events = response.events ?? [];
    if (response.fragment === true || this.#parts.length > 0) {
      // One by one: a response may hold more events than a call takes arguments.
      for (const event of events) this.#parts.push(event);
      if (response.fragment === true) return;
      const joined = this.#parts;
      this.#parts = [];
      this.#deliver(joined);
    } else if (events.length > 0) this.#deliver(events);
    else this.#progress(response.header.revision);
  }

  fail(error: StoreError): void {
    this.#subscriber.error(error);
  }

  #deliver(events: readonly StoreEvent[]): void {
    let start = 0;
    for (let end = 1; end <= events.length; end++) {
      const revision = (events[start] as StoreEvent).kv.modRevision;
      if (end < events.length && events[end]?.kv.modRevision === revision) continue;
      const whole = start === 0 && end === events.length;
      this.#emit({ revision, events: whole ? events : events.slice(start, end) });
      start = end;
    }
  }

  #emit(batch: RevisionBatch): void {
    // Only a server that goes wrong tells what it was not asked for: etcd 3.4 does, where a watch
    // begins at a revision that the member has yet to reach.
    if (batch.revision < this.#resumeRevision) return;
    this.#resumeRevision = batch.revision + 1;
    this.#subscriber.next(batch);
  }

  /** Everything up to `revision` has been delivered: a resumption need not go over it again. */
  #progress(revision: number): void {
    if (revision < this.#resumeRevision) return;
    this.#resumeRevision = revision + 1;
    if (this.#request.progressNotify === true) this.#subscriber.next({ revision, events: [] });
  }
}
