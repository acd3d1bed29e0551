import type { Clock } from '../ports/clock.js';
import { LIMITS, WaitingList } from '../store/index.js';
import type { Connections } from './connections.js';
import type { Link } from './link.js';

interface Waiting {
  readonly link: Link;
  readonly sinceMs: number;
  /** Gives the call up, so that it is made elsewhere; undefined for one that must be waited for. */
  readonly leave: (() => void) | undefined;
}

/**
 * Notices calls that wait for a member which does not serve. A call may take as long as it needs,
 * so waiting long proves nothing: it only makes the client ask the member how it is. One that does
 * not answer, or knows no leader, is left for another by all that may leave. With one endpoint
 * there is nowhere to go and nothing is done.
 */
export class Patience {
  readonly #connections: Connections;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #waiting = new WaitingList<Waiting>();
  readonly #looking = new Set<Link>();
  #armed = false;

  constructor(connections: Connections, clock: Clock) {
    this.#connections = connections;
    this.#clock = clock;
  }

  /** A call was sent; call the result when it has ended. */
  begin(link: Link, leave: (() => void) | undefined): () => void {
    const entry = { link, sinceMs: this.#clock.monotonic(), leave };
    const place = this.#waiting.add(entry);
    if (!this.#armed) this.#arm();
    return () => void this.#waiting.remove(place, entry);
  }

  /** One timer for all calls, which runs on a little so that single calls need not start it. */
  #arm(): void {
    this.#armed = true;
    this.#clock.timer(LIMITS.clientStallMs / 2, () => {
      this.#armed = false;
      if (this.#waiting.size === 0) return;
      if (this.#connections.count > 1) this.#lookAtStalled();
      this.#arm();
    });
  }

  #stalled(): Waiting[] {
    const beforeMs = this.#clock.monotonic() - LIMITS.clientStallMs;
    const stalled: Waiting[] = [];
    for (const entry of this.#waiting) {
      if (entry.sinceMs > beforeMs) break;
      stalled.push(entry);
    }
    return stalled;
  }

  #lookAtStalled(): void {
    for (const link of new Set(this.#stalled().map((entry) => entry.link))) {
      if (!this.#looking.has(link)) void this.#look(link);
    }
  }

  async #look(link: Link): Promise<void> {
    this.#looking.add(link);
    const condition = await link.look();
    this.#looking.delete(link);
    if (condition.kind === 'good') return;
    this.#connections.suspect(link);
    for (const entry of this.#stalled()) if (entry.link === link) entry.leave?.();
    if (condition.kind === 'silent') link.abandon();
  }
}
