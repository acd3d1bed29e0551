import { LIMITS } from '../../store/index.js';
import { knock, type KnockAnswer } from './knock.js';

export interface DepartureOptions {
  readonly urls: readonly string[];
  /** How long an address may take to answer. */
  readonly dialMs: number;
  /** Whether any stream to the peer or from it is open. */
  readonly isLinked: () => boolean;
  /** Must not throw. */
  readonly gone: () => void;
}

/**
 * Notices that the process of a peer has ended. When a process ends, its machine closes all its
 * connections at once, and refuses new ones; a machine that is down or cut off does neither. So: no
 * stream is left in either direction, and each of its addresses refuses. Anything else is no news.
 * It is asked once for each time that the peer was reached.
 */
export class Departure {
  readonly #options: DepartureOptions;
  #wasReached = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /** The peer has taken a stream. */
  reached(): void {
    this.#wasReached = true;
  }

  /** A stream to the peer, or from it, has ended. */
  streamEnded(): void {
    if (!this.#wasReached || this.#options.isLinked()) return;
    this.#wasReached = false;
    void this.#ask(LIMITS.peerKnocks);
  }

  async #ask(triesLeft: number): Promise<void> {
    const { urls, dialMs, isLinked, gone } = this.#options;
    const { signal } = this.#closing;
    const answers = await Promise.all(urls.map((url) => knock(url, dialMs, signal)));
    if (signal.aborted || isLinked()) return;
    const is = (answer: KnockAnswer): boolean => answers.includes(answer);
    if (is('open')) this.#askAgain(triesLeft - 1);
    else if (!is('silent')) gone();
  }

  /** A process that ends closes one thing after the other, what it listens on perhaps last. */
  #askAgain(triesLeft: number): void {
    if (triesLeft === 0) return;
    this.#timer = setTimeout(() => void this.#ask(triesLeft), LIMITS.peerKnockPauseMs);
    this.#timer.unref();
  }

  close(): void {
    // What waits for an answer would keep the process.
    this.#closing.abort();
    clearTimeout(this.#timer);
  }
}
