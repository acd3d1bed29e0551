import { merge, type Subscription } from 'rxjs';
import type { Kernel, KernelStatus } from '../kernel/index.js';
import type { Trace } from '../ports/trace.js';
import { isStoreError } from '../store/index.js';

/**
 * What calls need to know of the member all the time, kept up to date by its streams so that asking
 * costs nothing. Owned by the server; no other part of it subscribes for this.
 */
export class MemberView {
  readonly kernel: Kernel;
  readonly #subscription: Subscription;
  readonly #trace: Trace | undefined;
  readonly #leaderLost = new Set<() => void>();
  #leader = 0n;
  #leaderChanges = 0;
  #electedAtMs: number | undefined;
  #votes = false;
  readonly #draining = new AbortController();

  /** @param trace told of leaders that are found and lost */
  constructor(kernel: Kernel, trace?: Trace) {
    this.kernel = kernel;
    this.#trace = trace;
    // A follower finds and loses leaders without a change of its role; its health tells.
    const { role$, health$ } = kernel.store;
    this.#subscription = merge(role$, health$).subscribe(() => this.#look());
    this.#look();
  }

  /** The member that leads; 0n when none is known. */
  get leader(): bigint {
    return this.#leader;
  }

  get hasLeader(): boolean {
    return this.#leader !== 0n;
  }

  /**
   * Whether it has no vote. Whoever has one keeps it until it is removed, so only learners, and
   * members that do not know yet, are asked again.
   */
  get isLearner(): boolean {
    if (this.#votes) return false;
    const status = this.#ask();
    if (status === undefined) return false;
    this.#votes = !status.isLearner && status.appliedIndex > 0;
    return status.isLearner;
  }

  /** How often a leader was found since the start. */
  get leaderChanges(): number {
    return this.#leaderChanges;
  }

  /** When this member last became the leader, by `performance.now`; undefined if it never did. */
  get electedAtMs(): number | undefined {
    return this.#electedAtMs;
  }

  /** Calls `lost` whenever no leader is known any more, until the result is called. */
  onLeaderLost(lost: () => void): () => void {
    this.#leaderLost.add(lost);
    return () => this.#leaderLost.delete(lost);
  }

  /** Aborted when the member is about to stop: whoever may choose should go to another. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  drain(): void {
    this.#draining.abort();
  }

  close(): void {
    this.#subscription.unsubscribe();
  }

  #look(): void {
    const status = this.#ask();
    const leader = status?.leader ?? 0n;
    if (leader === this.#leader) return;
    this.#leader = leader;
    if (status !== undefined) this.#tell(leader, status.raftTerm);
    if (leader === 0n) {
      for (const lost of this.#leaderLost) lost();
      return;
    }
    this.#leaderChanges += 1;
    if (leader === this.kernel.header().memberId) this.#electedAtMs = performance.now();
  }

  #tell(leader: bigint, term: number): void {
    const trace = this.#trace;
    if (leader === 0n) trace?.event('warn', 'no leader', { term });
    else if (leader === this.kernel.header().memberId) {
      trace?.event('info', 'this member leads', { term });
    } else trace?.event('info', 'leader found', { leader: leader.toString(16), term });
  }

  /** A member that has stopped itself tells nothing, and is heard of once more for that. */
  #ask(): KernelStatus | undefined {
    try {
      return this.kernel.status();
    } catch (error) {
      if (!isStoreError(error, 'Stopped')) throw error;
      return undefined;
    }
  }
}
