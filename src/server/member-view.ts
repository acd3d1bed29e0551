import { merge, type Subscription } from 'rxjs';
import type { Kernel, KernelStatus } from '../kernel/index.js';
import { isStoreError } from '../store/index.js';

/**
 * What calls need to know of the member all the time, kept up to date by its streams so that asking
 * costs nothing. Owned by the server; no other part of it subscribes for this.
 */
export class MemberView {
  readonly kernel: Kernel;
  readonly #subscription: Subscription;
  #leader = 0n;
  #leaderChanges = 0;
  #votes = false;
  readonly #draining = new AbortController();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
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
   * Whether it has no vote. Whoever has one keeps it until he is removed, so that only learners, and
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
    const leader = this.#ask()?.leader ?? 0n;
    if (leader === this.#leader) return;
    this.#leader = leader;
    if (leader !== 0n) this.#leaderChanges += 1;
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
