import { type LeaseKeepAliveResult, StoreError } from '../store/index.js';
import { encodeLeaseKeepAliveRequest } from '../wire/lease.js';
import { LEASE_METHODS } from '../wire/stream-methods.js';
import { canceled } from './lifetime.js';
import type { ClientContext } from './context.js';
import { SharedStream, type StreamUser } from './shared-stream.js';

/** Somebody who asked for a lease to be kept, until the answer that is theirs has come. */
interface Asker {
  readonly answer: (result: LeaseKeepAliveResult) => void;
  readonly fail: (error: StoreError) => void;
  /** Nobody waits any more; the answer is still to come and must not go to the next in line. */
  done: boolean;
  /** When it was asked first. */
  readonly sinceMs: number;
}

/**
 * The keep-alives of all leases of one client over one stream, any number under way at once.
 * Answers come in the order of the requests of each lease. Asking twice does no harm, so a broken
 * stream asks again for whoever still waits, for a bounded time. When a lease counts as lost is not
 * decided here.
 */
export class LeaseMux implements StreamUser<LeaseKeepAliveResult> {
  readonly #context: ClientContext;
  readonly #stream: SharedStream<bigint, LeaseKeepAliveResult>;
  readonly #askers = new Map<bigint, Asker[]>();

  constructor(context: ClientContext) {
    this.#context = context;
    this.#stream = new SharedStream(context, LEASE_METHODS.leaseKeepAlive, this);
  }

  /** @throws StoreError `LeaseNotFound`, `InvalidArgument`, `Unavailable`, `Canceled`, `Stopped` */
  async keepAlive(id: bigint, signal?: AbortSignal): Promise<LeaseKeepAliveResult> {
    this.#context.lifetime.check(signal);
    // An id that cannot be said would break the stream for everybody, again and again.
    encodeLeaseKeepAliveRequest(id);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        asker.done = true;
        signal?.removeEventListener('abort', onAbort);
      };
      const asker: Asker = {
        done: false,
        sinceMs: this.#context.clock.monotonic(),
        answer: (result) => {
          settle();
          if (result.ttlSeconds > 0) resolve(result);
          else reject(new StoreError('LeaseNotFound'));
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      const onAbort = (): void => {
        asker.fail(canceled(signal));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const line = this.#askers.get(id);
      if (line === undefined) this.#askers.set(id, [asker]);
      else line.push(asker);
      this.#stream.send(id);
    });
  }

  close(): void {
    this.#stream.close();
    this.#failAll(new StoreError('Stopped'));
  }

  onOpen(): void {
    for (const [id, line] of this.#askers) {
      const waiting = line.filter((asker) => !asker.done);
      if (waiting.length === 0) this.#askers.delete(id);
      else this.#askers.set(id, waiting);
      for (let i = 0; i < waiting.length; i++) this.#stream.send(id);
    }
  }

  onResponse(result: LeaseKeepAliveResult): void {
    const line = this.#askers.get(result.id);
    const asker = line?.shift();
    if (line?.length === 0) this.#askers.delete(result.id);
    if (asker?.done === false) asker.answer(result);
    if (!this.wanted()) this.#stream.release();
  }

  onBroken(error: StoreError): void {
    const { clock, settings } = this.#context;
    const beforeMs = clock.monotonic() - settings.retryMs;
    for (const line of this.#askers.values()) {
      for (const asker of line) {
        if (!asker.done && asker.sinceMs <= beforeMs) asker.fail(error);
      }
    }
    this.#forgetDone();
  }

  onRefused(error: StoreError): void {
    this.#failAll(error);
  }

  wanted(): boolean {
    return this.#askers.size > 0;
  }

  awaitsAnswer(): boolean {
    return this.wanted();
  }

  #forgetDone(): void {
    for (const [id, line] of this.#askers) {
      if (line.every((asker) => asker.done)) this.#askers.delete(id);
    }
  }

  #failAll(error: StoreError): void {
    const lines = [...this.#askers.values()];
    this.#askers.clear();
    for (const asker of lines.flat()) if (!asker.done) asker.fail(error);
  }
}
