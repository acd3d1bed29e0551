import { WaitingList } from '../../store/index.js';

/**
 * One end that any number of things can follow. A plain AbortSignal would do, were it not that
 * hosts warn of a leak when more than a handful of listeners hang on one; hundreds of waiters on a
 * session are no leak. Its `signal` is for those outside.
 */
export class Ending {
  readonly #followers = new WaitingList<() => void>();
  /** Made when somebody asks for it: most endings are followed from within only. */
  #controller: AbortController | undefined;
  #isOver = false;
  #reason: unknown;
  /** Makes the reason when somebody asks for it: an error costs its stack. */
  #makeReason: (() => unknown) | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isOver) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get reason(): unknown {
    if (this.#makeReason !== undefined) {
      this.#reason = this.#makeReason();
      this.#makeReason = undefined;
    }
    return this.#reason;
  }

  /** Ends it; only the first call counts. Followers have been told when this returns. */
  end(reason: unknown): void {
    this.endFor(() => reason);
  }

  /** As `end`, for a reason that is hardly ever asked for: it is made when somebody does. */
  endFor(makeReason: () => unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#makeReason = makeReason;
    this.#controller?.abort(this.reason);
    for (let tell = this.#followers.shift(); tell; tell = this.#followers.shift()) tell();
  }

  /** Calls `follower` once at the end, or at once when it is over. Returns the way to stop that. */
  follow(follower: () => void): () => void {
    if (this.isOver) {
      follower();
      return () => undefined;
    }
    let place = this.#followers.add(follower);
    return () => {
      // Once: the same function may follow again, at the same place.
      if (place >= 0) this.#followers.remove(place, follower);
      place = -1;
    };
  }
}
