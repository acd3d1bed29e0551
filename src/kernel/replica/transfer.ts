/**
 * Handing leadership over: because an operator says so, because this member is about to stop, or
 * because its disk does not keep up. Raft does the work; here is decided to whom, and how long
 * anybody waits for it.
 */
import type { Clock, Timer } from '../../ports/clock.js';
import { StoreError } from '../../store/index.js';
import type { Raft } from '../raft/raft.js';

export interface TransferOptions {
  readonly raft: Raft;
  readonly clock: Clock;
  readonly electionMs: number;
  readonly wake: () => void;
}

interface Waiter {
  readonly isOver: () => boolean;
  readonly resolve: () => void;
  readonly timer: Timer;
}

/** Election timeouts that a hand-over may take until its result is seen here. */
const PATIENCE = 2;

export class Transfer {
  readonly #options: TransferOptions;
  readonly #waiters = new Set<Waiter>();

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  /**
   * Resolves when this member has seen `target` lead.
   * @throws StoreError `NotLeader`, `BadLeaderTransferee`, `Timeout`
   */
  async moveTo(target: bigint): Promise<void> {
    const { raft, wake } = this.#options;
    if (raft.role !== 'leader') throw new StoreError('NotLeader');
    if (!raft.confState.voters.includes(target)) throw new StoreError('BadLeaderTransferee');
    if (target === raft.id) return;
    if (!raft.transferLeadership(target)) throw new StoreError('BadLeaderTransferee');
    wake();
    const isOver = (): boolean => raft.leader === target;
    await this.#until(isOver);
    if (!isOver()) throw new StoreError('Timeout');
  }

  /**
   * Hands over to the voter that has most of the log, if this member leads; resolves when another
   * one leads, or nothing came of it.
   */
  async stepAside(): Promise<void> {
    if (!this.handOver()) return;
    const { raft } = this.#options;
    await this.#until(() => raft.leader !== raft.id && raft.leader !== 0n);
  }

  /** Begins to hand over to the best voter. @returns whether there is one, and this member leads */
  handOver(): boolean {
    const { raft, wake } = this.#options;
    if (raft.role !== 'leader') return false;
    let best: { readonly id: bigint; readonly match: number } | undefined;
    for (const id of raft.confState.voters) {
      const progress = raft.progressOf(id);
      if (progress === undefined || !progress.recentlyActive) continue;
      if (best === undefined || progress.match > best.match) best = { id, match: progress.match };
    }
    if (best === undefined || !raft.transferLeadership(best.id)) return false;
    wake();
    return true;
  }

  /** Who leads has changed. */
  changed(): void {
    for (const waiter of this.#waiters) if (waiter.isOver()) waiter.resolve();
  }

  /** Nobody waits any longer. */
  close(): void {
    for (const waiter of this.#waiters) waiter.resolve();
  }

  #until(isOver: () => boolean): Promise<void> {
    const { clock, electionMs } = this.#options;
    return new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiters.delete(waiter);
        waiter.timer.cancel();
        resolve();
      };
      const timer = clock.timer(PATIENCE * electionMs, done);
      const waiter: Waiter = { isOver, resolve: done, timer };
      this.#waiters.add(waiter);
    });
  }
}
