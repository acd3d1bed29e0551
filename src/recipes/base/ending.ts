/**
 * One end that any number of things can follow. A plain AbortSignal would do, were it not that
 * hosts warn of a leak when more than a handful of listeners hang on one; hundreds of waiters on a
 * session are no leak. Its `signal` is for those outside.
 */
export class Ending {
  readonly #controller = new AbortController();
  readonly #followers = new Set<() => void>();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  get reason(): unknown {
    return this.signal.reason;
  }

  /** Ends it; only the first call counts. Followers have been told when this returns. */
  end(reason: unknown): void {
    if (this.isOver) return;
    this.#controller.abort(reason);
    for (const follower of this.#followers) follower();
    this.#followers.clear();
  }

  /** Calls `follower` once at the end, or at once when it is over. Returns the way to stop that. */
  follow(follower: () => void): () => void {
    if (this.isOver) {
      follower();
      return () => undefined;
    }
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}
