/**
 * What each member is known to hold for good: up to which committed entry of its term the leader
 * has its acknowledgement. The leader tells the others, so that whoever leads next knows as well,
 * and so does the member itself. No honest log is ever shorter than that again, in whatever term,
 * and none that lacks the entry gets that member's vote. All of it is in memory: a pledge that
 * nobody remembers is not found broken.
 */
import type { Pledge } from '../codec/peer-body.js';
import { isMember } from '../raft/conf-change.js';
import { membersOf } from '../raft/quorum.js';
import type { Raft } from '../raft/raft.js';

/** Heartbeats after which what is known is told again, though nothing is new: frames get lost. */
const REPEAT_HEARTBEATS = 10;

export class Pledges {
  readonly #raft: Raft;
  readonly #known = new Map<bigint, Pledge>();
  #heartbeats = 0;

  constructor(raft: Raft) {
    this.#raft = raft;
  }

  /** What is known of a member. */
  of(id: bigint): Pledge | undefined {
    return this.#known.get(id);
  }

  /** Once each heartbeat. @returns what the leader is to tell everybody now, if anything */
  gather(): readonly Pledge[] | undefined {
    const raft = this.#raft;
    if (raft.role !== 'leader') return undefined;
    const { term } = raft;
    let isNews = false;
    for (const id of membersOf(raft.confState)) {
      const index = Math.min(raft.progressOf(id)?.match ?? 0, raft.committed);
      // Who ends with an entry of an earlier term may honestly vote for a shorter log.
      if (raft.termAt(index) === term) isNews = this.#note({ id, index, term }) || isNews;
    }
    this.#forgetStrangers();
    this.#heartbeats = isNews ? 0 : this.#heartbeats + 1;
    if (this.#known.size === 0 || this.#heartbeats % REPEAT_HEARTBEATS > 0) return undefined;
    return [...this.#known.values()];
  }

  /** Another member leads and says what it knows. */
  learn(pledges: readonly Pledge[]): void {
    for (const pledge of pledges) this.#note(pledge);
    this.#forgetStrangers();
  }

  /** Who was removed never comes back under its id. */
  #forgetStrangers(): void {
    for (const id of this.#known.keys()) {
      if (!isMember(this.#raft.confState, id)) this.#known.delete(id);
    }
  }

  /** @returns whether it is more than was known */
  #note(pledge: Pledge): boolean {
    if (pledge.index <= (this.#known.get(pledge.id)?.index ?? 0)) return false;
    this.#known.set(pledge.id, pledge);
    return true;
  }
}
