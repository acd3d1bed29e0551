import type { Clock, Timer } from '../ports/clock.js';

/**
 * A signal that aborts when a time is over, or when another signal does. It listens to that signal
 * itself and its timer holds it, so it comes whatever the collector of garbage does. It must not be
 * built of `AbortSignal.any`, which does not keep its sources: of a timeout, or of a caller's
 * signal, that nobody else holds it may never hear. Whoever makes one ends it.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #timer: Timer;
  readonly #follow = (): void => this.#controller.abort(this.#outer?.reason);
  #passed = false;

  constructor(clock: Clock, delayMs: number, outer?: AbortSignal) {
    this.#outer = outer;
    this.#timer = clock.timer(delayMs, () => {
      if (this.signal.aborted) return;
      this.#passed = true;
      this.#controller.abort(new Error(`not done within ${delayMs} ms`));
    });
    if (outer?.aborted === true) this.#follow();
    else outer?.addEventListener('abort', this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was the time that was over, and not the other signal that aborted. */
  get passed(): boolean {
    return this.#passed;
  }

  /** Its signal does not abort any more. */
  [Symbol.dispose](): void {
    this.#timer.cancel();
    this.#outer?.removeEventListener('abort', this.#follow);
  }
}
