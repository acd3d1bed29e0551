import type { MemberView } from '../../kernel/index.js';

/** How long a leader may go on that hears too few; several election timeouts. */
const DEAF_MAX_MS = 5000;
/** A member that takes no step for so long stands still, and cannot know what it misses. */
const STILL_MS = 600;

interface Watched {
  /** When it heard each of the others last. */
  readonly heardMs: Map<bigint, number>;
  steppedMs: number;
  /** Since when it leads and takes steps all the time. */
  sinceMs: number;
  term: number;
}

/**
 * Who leads must hear a majority. A leader that is heard and hears nobody would keep the others
 * from electing one that works.
 */
export class LeaderWatch {
  readonly #members = new Map<bigint, Watched>();

  /** A frame of `from` has reached a member. */
  heard(member: bigint, from: bigint, nowMs: number): void {
    this.#of(member).heardMs.set(from, nowMs);
  }

  /**
   * A member took a step.
   * @throws Error when it leads and has not heard a majority for too long
   */
  stepped(raft: MemberView, nowMs: number): void {
    const watched = this.#of(raft.id);
    const stoodStill = nowMs - watched.steppedMs > STILL_MS;
    watched.steppedMs = nowMs;
    if (stoodStill || raft.role !== 'leader' || raft.term !== watched.term) watched.sinceMs = nowMs;
    watched.term = raft.term;
    if (nowMs - watched.sinceMs <= DEAF_MAX_MS || watched.heardMs.size === 0) return;
    const { voters } = raft.confState;
    const isHeard = (id: bigint): boolean =>
      id === raft.id || nowMs - (watched.heardMs.get(id) ?? 0) <= DEAF_MAX_MS;
    if (voters.filter(isHeard).length * 2 > voters.length) return;
    watched.sinceMs = nowMs;
    throw new Error(`leads term ${raft.term}, and heard no majority for ${DEAF_MAX_MS} ms`);
  }

  #of(member: bigint): Watched {
    let watched = this.#members.get(member);
    if (watched === undefined) {
      watched = { heardMs: new Map(), steppedMs: 0, sinceMs: 0, term: -1 };
      this.#members.set(member, watched);
    }
    return watched;
  }
}
