import { StoreError, WaitingList } from '../store/index.js';

/**
 * Whether a client is open, and why something that waits has to stop. One per client; everything
 * that waits looks at it, so that closing reaches all of it.
 */
export class Lifetime {
  #closed = false;
  readonly #waiting = new WaitingList<{ readonly stop: () => void }>();
  #holds = 0;
  #hold: NodeJS.Timeout | undefined;

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws StoreError `Stopped` when closed, `Canceled` when the signal is aborted */
  check(signal?: AbortSignal): void {
    if (this.closed) throw new StoreError('Stopped');
    if (signal?.aborted) throw canceled(signal);
  }

  /** Calls `stop` once at close. Returns how to take that back. */
  onClose(stop: () => void): () => void {
    const entry = { stop };
    const place = this.#waiting.add(entry);
    return () => void this.#waiting.remove(place, entry);
  }

  /**
   * What `promise` gives, unless the client closes or the signal is aborted first. The process
   * stays alive meanwhile: somebody waits for this, and timers of the clock do not keep it so.
   * @throws StoreError `Stopped`, `Canceled`
   */
  race<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (this.#closed || signal?.aborted) {
      // Nobody waits for it, so its failure concerns nobody.
      promise.catch(() => undefined);
      return Promise.reject(this.#closed ? new StoreError('Stopped') : canceled(signal));
    }
    return new Promise<T>((resolve, reject) => {
      const release = this.hold();
      const leave = (): void => {
        forget();
        signal?.removeEventListener('abort', onAbort);
        release();
      };
      const onAbort = (): void => {
        leave();
        reject(canceled(signal));
      };
      const forget = this.onClose(() => {
        leave();
        reject(new StoreError('Stopped'));
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      promise.then(resolve, reject).finally(leave);
    });
  }

  /** Keeps the process alive until the returned function is called. */
  hold(): () => void {
    this.#holds++;
    this.#hold ??= setInterval(() => undefined, 2 ** 30);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds--;
      if (this.#holds > 0) return;
      clearInterval(this.#hold);
      this.#hold = undefined;
    };
  }

  close(): void {
    if (this.closed) return;
    this.#closed = true;
    for (let entry = this.#waiting.shift(); entry; entry = this.#waiting.shift()) entry.stop();
  }
}

/** The error of a call whose signal was aborted; the signal's reason is its cause. */
export function canceled(signal: AbortSignal | undefined): StoreError {
  return new StoreError('Canceled', undefined, { cause: signal?.reason });
}
