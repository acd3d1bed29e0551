import type { Subscription } from 'rxjs';
import type { Kernel } from '../kernel/index.js';

/**
 * What calls need to know of the member all the time, kept up to date by its streams so that asking
 * costs nothing. Owned by the server; no other part of it subscribes for this.
 */
export class MemberView {
  readonly kernel: Kernel;
  readonly #subscription: Subscription;
  #hasLeader = false;
  #leaderChanges = 0;
  readonly #draining = new AbortController();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.#subscription = kernel.store.role$.subscribe(() => this.#look());
    this.#look();
  }

  get hasLeader(): boolean {
    return this.#hasLeader;
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
    const has = this.kernel.status().leader !== 0n;
    if (has === this.#hasLeader) return;
    this.#hasLeader = has;
    if (has) this.#leaderChanges += 1;
  }
}
