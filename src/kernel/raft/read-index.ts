/**
 * A leader's linearizable reads that wait for proof that it still leads. Reads share rounds: a
 * round is a number that travels with heartbeats, and it is never used twice, so an answer to an
 * earlier heartbeat cannot confirm a later read. A read may join a round only until its heartbeats
 * have left. This file sends nothing and counts no quorum.
 */

/** A read that waits; `requester` is who asked with its own `context`. */
export interface PendingRead {
  readonly requester: bigint;
  readonly context: number;
  /** The commit index when it was asked: what its answer has to reflect. */
  readonly index: number;
}

interface Round {
  readonly number: number;
  readonly reads: PendingRead[];
}

/** Reads that may wait at once; beyond it they are refused. */
const PENDING_READS_MAX = 4096;

export class ReadRounds {
  #newest = 0;
  #open: Round | undefined;
  #rounds: Round[] = [];
  #pendingCount = 0;

  /** The last round that was opened; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** @returns whether a new round was opened, whose heartbeats must leave now; or `full` */
  add(read: PendingRead): 'joined' | 'opened' | 'full' {
    if (this.#pendingCount >= PENDING_READS_MAX) return 'full';
    this.#pendingCount++;
    if (this.#open !== undefined) {
      this.#open.reads.push(read);
      return 'joined';
    }
    this.#newest++;
    this.#open = { number: this.#newest, reads: [read] };
    this.#rounds.push(this.#open);
    return 'opened';
  }

  /** The heartbeats of the newest round have left: later reads need another one. */
  close(): void {
    this.#open = undefined;
  }

  /** A quorum answered heartbeats of `round` or later. The reads of all rounds up to it are due. */
  confirm(round: number): readonly PendingRead[] {
    const due: PendingRead[] = [];
    while (this.#rounds[0] !== undefined && this.#rounds[0].number <= round) {
      due.push(...this.#rounds[0].reads);
      this.#rounds.shift();
    }
    this.#pendingCount -= due.length;
    return due;
  }

  /** Leadership ended: whoever waits must ask again. Round numbers go on. */
  reset(): void {
    this.#rounds = [];
    this.#open = undefined;
    this.#pendingCount = 0;
  }
}
