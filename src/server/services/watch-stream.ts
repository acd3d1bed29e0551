import type { Kernel } from '../../kernel/index.js';
import type { Timer } from '../../ports/clock.js';
import { isStoreError, LIMITS, type ResponseHeader } from '../../store/index.js';
import {
  decodeWatchRequest,
  encodeWatchResponse,
  type WatchCreate,
  type WatchResponse,
} from '../../wire/watch.js';
import { fragmentsOf, StreamWatcher } from './stream-watcher.js';

/** What a watch stream needs of the call that carries it. */
export interface WatchOutput {
  /** False: no more until `drained` is called. */
  write(bytes: Uint8Array): boolean;
  /**
   * Stops and starts the flow of requests; what was stopped is started again, at the latest by
   * `close`.
   */
  hold(held: boolean): void;
}

export interface WatchStreamOptions {
  readonly kernel: Kernel;
  readonly output: WatchOutput;
  readonly progressMs: number;
  readonly fragmentBytes: number;
  /** Watchers came or went, by so many. */
  readonly counted: (change: number) => void;
  /** So many events were sent. */
  readonly sent: (events: number) => void;
  /** Runs `pump` once, when who caused the events has been answered. */
  readonly soon: (pump: () => void) => void;
}

const NO_WATCHER = -1;
const DUPLICATE_ID = 'mvcc: duplicate watch ID provided on the WatchStream';
const TOO_MANY = 'too many watchers on this stream';

/**
 * One client's stream of watchers. Answers requests in their order and at once; events come after
 * the answer that created their watcher, one response a watcher in turn, and only while the client
 * takes what it is given. It holds no event back and drops none: whoever is slow reads history
 * later.
 */
export class WatchStream {
  readonly #options: WatchStreamOptions;
  readonly #watchers = new Map<number, StreamWatcher>();
  /** Watchers that may have something to send, in the order of their turn. */
  readonly #ready = new Set<StreamWatcher>();
  #nextId = 0;
  #blocked = false;
  #scheduled = false;
  #closed = false;
  #progressTimer: Timer | undefined;

  constructor(options: WatchStreamOptions) {
    this.#options = options;
  }

  /** @throws WireError when the bytes are no request */
  receive(message: Uint8Array): void {
    const request = decodeWatchRequest(message);
    switch (request.kind) {
      case 'create':
        this.#create(request);
        return;
      case 'cancel':
        this.#cancel(request.watchId, {});
        return;
      case 'progress':
        this.#answerProgress();
        return;
      case 'none':
        return;
    }
  }

  /** The client has room again. */
  drained(): void {
    if (!this.#blocked || this.#closed) return;
    this.#blocked = false;
    this.#options.output.hold(false);
    this.#pump();
  }

  /** Sends now what would be sent soon, as far as the client takes it. */
  flush(): void {
    // Not all of those that have something have been woken yet.
    for (const watcher of this.#watchers.values()) if (!watcher.synced) this.#ready.add(watcher);
    this.#pump();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#blocked) this.#options.output.hold(false);
    this.#progressTimer?.cancel();
    for (const watcher of this.#watchers.values()) watcher.cursor.close();
    this.#options.counted(-this.#watchers.size);
    this.#watchers.clear();
    this.#ready.clear();
  }

  #create(create: WatchCreate): void {
    const header = this.#options.kernel.header();
    const opened = this.#open(create);
    if (typeof opened === 'string') {
      const answer = { created: true, canceled: true, cancelReason: opened };
      this.#write({ header, watchId: NO_WATCHER, ...answer });
      return;
    }
    this.#watchers.set(opened.id, opened);
    this.#options.counted(1);
    this.#write({ header, watchId: opened.id, created: true });
    opened.cursor.onReady = () => this.#wake(opened);
    this.#ready.add(opened);
    if (opened.progressNotify) this.#startProgress();
    this.#schedule();
  }

  /** A watcher, or the reason why there is none. */
  #open(create: WatchCreate): StreamWatcher | string {
    if (this.#watchers.size >= LIMITS.watchersPerStream) return TOO_MANY;
    try {
      const cursor = this.#options.kernel.openWatch(create.request);
      const id = this.#pickId(create.watchId);
      if (id !== undefined) return new StreamWatcher(id, cursor, create);
      cursor.close();
      return DUPLICATE_ID;
    } catch (error) {
      if (isStoreError(error)) return error.message;
      throw error;
    }
  }

  #pickId(asked: number): number | undefined {
    if (asked !== 0) return this.#watchers.has(asked) ? undefined : asked;
    while (this.#watchers.has(this.#nextId)) this.#nextId += 1;
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  #cancel(id: number, why: Pick<WatchResponse, 'compactRevision'>): void {
    const watcher = this.#watchers.get(id);
    if (watcher === undefined) return;
    this.#watchers.delete(id);
    this.#ready.delete(watcher);
    watcher.cursor.close();
    this.#options.counted(-1);
    this.#write({ header: this.#options.kernel.header(), watchId: id, canceled: true, ...why });
  }

  #wake(watcher: StreamWatcher): void {
    this.#ready.add(watcher);
    this.#schedule();
  }

  /** Watchers that become ready together are served together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.soon(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#closed) return;
    for (const watcher of this.#ready) {
      if (this.#blocked) return;
      this.#ready.delete(watcher);
      this.#advance(watcher);
    }
  }

  /** Sends one response of a watcher, then sends it to the end of the queue. */
  #advance(watcher: StreamWatcher): void {
    const slice = watcher.take();
    if (slice !== undefined) {
      if (slice.events.length > 0) this.#sendEvents(watcher, slice.revision, slice.events);
      this.#ready.add(watcher);
      return;
    }
    const { compactRevision } = watcher.cursor;
    if (compactRevision !== undefined) this.#cancel(watcher.id, { compactRevision });
  }

  #sendEvents(
    watcher: StreamWatcher,
    revision: number,
    events: NonNullable<WatchResponse['events']>,
  ): void {
    watcher.quiet = false;
    this.#options.sent(events.length);
    const header = this.#headerAt(revision);
    const { fragmentBytes } = this.#options;
    const parts = watcher.fragment ? fragmentsOf(events, fragmentBytes) : [events];
    parts.forEach((part, index) => {
      const fragment = index < parts.length - 1;
      this.#write({ header, watchId: watcher.id, events: part, fragment });
    });
  }

  /**
   * Promises that everything up to now was delivered on the whole stream, if that is so. What only
   * waits to be sent is no reason for silence: whoever asks once would wait for ever. Who is behind
   * reads on when it is woken, and not each time that somebody asks.
   */
  #answerProgress(): void {
    for (const watcher of this.#watchers.values()) {
      if (watcher.cursor.live && !watcher.synced) this.#ready.add(watcher);
    }
    this.#pump();
    if (this.#watchers.size === 0 || this.#ready.size > 0) return;
    for (const watcher of this.#watchers.values()) if (!watcher.synced) return;
    this.#write({ header: this.#options.kernel.header(), watchId: NO_WATCHER });
  }

  #startProgress(): void {
    if (this.#progressTimer !== undefined) return;
    const { clock, random } = this.#options.kernel.store;
    const { progressMs } = this.#options;
    const jitterMs = random.below(Math.max(1, Math.floor(progressMs / 10)));
    this.#progressTimer = clock.timer(progressMs + jitterMs, () => {
      this.#progressTimer = undefined;
      if (this.#closed) return;
      this.#notifyQuiet();
      this.#startProgress();
    });
  }

  #notifyQuiet(): void {
    this.#pump();
    for (const watcher of this.#watchers.values()) {
      if (!watcher.progressNotify) continue;
      if (watcher.quiet && watcher.synced && !this.#blocked) {
        this.#write({ header: this.#options.kernel.header(), watchId: watcher.id });
      }
      watcher.quiet = true;
    }
  }

  #headerAt(revision: number): ResponseHeader {
    return { ...this.#options.kernel.header(), revision };
  }

  #write(response: WatchResponse): void {
    if (this.#options.output.write(encodeWatchResponse(response)) || this.#blocked) return;
    this.#blocked = true;
    this.#options.output.hold(true);
  }
}
