import type { Clock, Timer } from '../../ports/clock.js';
import type { Meter, Trace } from '../../ports/trace.js';
import { LIMITS, StoreError } from '../../store/index.js';
import type { Applier } from '../apply/applier.js';
import { readEntryPayload } from '../codec/entry-payload.js';
import type { Raft } from '../raft/raft.js';
import type { Ready } from '../raft/ready.js';
import type { Entry, SnapshotMark } from '../raft/types.js';
import type { Wal } from '../wal/wal.js';
import type { AppliedState } from './applied-row.js';
import type { Compactor } from './compactor.js';
import type { Flusher } from './flusher.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { Outbox } from './outbox.js';
import type { Proposals } from './proposals.js';
import type { Reads } from './reads.js';
import type { ReplicaSettings } from './settings.js';
import type { WakeUp } from './wake-up.js';

/** The machines that the loop turns, and the ways out to the world. */
export interface LoopParts {
  readonly settings: ReplicaSettings;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly meter: Meter | undefined;
  readonly raft: Raft;
  readonly wal: Wal;
  readonly applier: Applier;
  readonly proposals: Proposals;
  readonly reads: Reads;
  readonly leaseKeeper: LeaseKeeper;
  readonly flusher: Flusher;
  readonly compactor: Compactor;
  readonly outbox: Outbox;
  readonly wakeUp: WakeUp;
  readonly applied: AppliedState;
  /** Log entries up to here are covered by a mark in the WAL. */
  readonly mark: SnapshotMark;
  /** Bytes of the entries after it; without them a member that often restarts would never mark. */
  readonly bytesSinceMark: number;
  readonly onRoleChange: () => void;
  /** Runs after each turn, when nothing is under way. */
  readonly afterTurn: () => void;
  /** The member can no longer be trusted and has stopped. */
  readonly onFailure: (error: Error) => void;
}

/**
 * The one loop of a member: gather inputs, step the machines, persist, send, apply, emit, and
 * again. It is the only place where raft meets the disk; it knows phases and no features. Nothing
 * is acted upon inside a callback. Any failure of the log, the backend or an invariant ends the
 * member: it never tries an I/O operation again and never answers from a state that it cannot
 * trust.
 */
export class ReplicaLoop {
  readonly #parts: LoopParts;
  #applied: AppliedState;
  #mark: SnapshotMark;
  #bytesSinceMark: number;
  #ticksDue = 0;
  #tickTimer: Timer | undefined;
  #stopping = false;
  #failed = false;
  #done: Promise<void> = Promise.resolve();

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#applied = parts.applied;
    this.#mark = parts.mark;
    this.#bytesSinceMark = parts.bytesSinceMark;
  }

  get applied(): AppliedState {
    return this.#applied;
  }

  start(): void {
    this.#armTick();
    this.#done = this.#run();
  }

  /** Ends the loop after the turn that is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#tickTimer?.cancel();
    this.#parts.wakeUp.ring();
    await this.#done;
  }

  /** Stops the member at once, from outside the loop (a failed flush, say). */
  fail(cause: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#stopping = true;
    this.#tickTimer?.cancel();
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#parts.trace.event('error', 'member stopped', { reason: error.message });
    this.#parts.onFailure(error);
    this.#parts.wakeUp.ring();
  }

  #armTick(): void {
    const { clock, settings, wakeUp } = this.#parts;
    this.#tickTimer = clock.timer(settings.heartbeatMs, () => {
      this.#ticksDue++;
      this.#armTick();
      wakeUp.ring();
    });
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopping) {
        await this.#turn();
        if (this.#failed) return;
        this.#parts.afterTurn();
        if (this.#isIdle()) await this.#parts.wakeUp.wait();
      }
      if (!this.#failed) await this.#settleDown();
    } catch (error) {
      this.fail(error);
    }
  }

  #isIdle(): boolean {
    const { proposals, raft, flusher } = this.#parts;
    return !this.#stopping && !proposals.hasWaiting && !raft.hasReady() && !flusher.isDue;
  }

  async #turn(): Promise<void> {
    const { raft, reads, leaseKeeper, flusher, compactor } = this.#parts;
    for (; this.#ticksDue > 0; this.#ticksDue--) raft.tick();
    leaseKeeper.tick();
    this.#propose();
    reads.ask();
    while (raft.hasReady()) {
      await this.#handle(raft.ready());
      if (this.#failed) return;
      raft.advance();
      reads.release();
      this.#parts.outbox.drain();
    }
    reads.release();
    compactor.step();
    compactor.note();
    flusher.note();
    if (flusher.isDue) void flusher.start();
    if (flusher.isBehind) await flusher.start();
    if (!this.#failed) await this.#markIfDue();
  }

  #propose(): void {
    const { proposals, raft } = this.#parts;
    if (!proposals.hasWaiting) return;
    const payloads = proposals.take();
    const result = raft.propose(payloads);
    if (result.accepted) return;
    const code = result.reason === 'uncommitted-limit' ? 'TooManyRequests' : 'NoLeader';
    proposals.refuse(payloads, new StoreError(code));
  }

  async #handle(ready: Ready): Promise<void> {
    const { wal, reads } = this.#parts;
    if (ready.entries.length > 0 || ready.hardState !== undefined) {
      for (const entry of ready.entries) this.#bytesSinceMark += entry.data.length;
      await wal.append(ready.entries, ready.hardState, ready.mustSync);
      if (this.#failed) return;
    }
    if (ready.softState !== undefined) this.#changeRole();
    for (const entry of ready.committedEntries) {
      this.#apply(entry);
      if (this.#parts.flusher.isBehind) {
        await this.#parts.flusher.start();
        if (this.#failed) return;
      }
    }
    for (const { context, index } of ready.readStates) reads.answered(context, index);
  }

  #changeRole(): void {
    const { raft, leaseKeeper, reads, wakeUp, onRoleChange } = this.#parts;
    leaseKeeper.lead(raft.role === 'leader' ? raft.term : undefined);
    if (raft.role !== 'leader') reads.retry();
    onRoleChange();
    wakeUp.ring();
  }

  #apply(entry: Entry): void {
    const { applier, proposals, clock, meter, raft } = this.#parts;
    if (entry.index > this.#applied.index) {
      const startMs = clock.monotonic();
      if (entry.kind !== 'normal') {
        throw new Error(`entry ${entry.index} changes the members, which this release cannot do`);
      }
      const commands = readEntryPayload(entry.data);
      const outcomes = commands.map((command) => applier.apply(command, entry.term));
      this.#applied = { index: entry.index, term: entry.term, confState: raft.confState };
      proposals.settle(entry.data, outcomes);
      meter?.observe('applySeconds', (clock.monotonic() - startMs) / 1000);
      meter?.observe('entryProposalCount', commands.length);
    }
  }

  /** Lets the log forget what the backend holds durably, once enough has gathered. */
  async #markIfDue(): Promise<void> {
    const { flusher, settings } = this.#parts;
    const durable = flusher.durable;
    if (durable === undefined) return;
    const enough =
      durable.index - this.#mark.index >= settings.snapshotEntries ||
      this.#bytesSinceMark >= LIMITS.snapshotBytes;
    if (enough && durable.index > this.#mark.index) await this.#makeMark(durable);
  }

  async #makeMark(durable: AppliedState): Promise<void> {
    const mark = { index: durable.index, term: durable.term, confState: durable.confState };
    this.#bytesSinceMark = 0;
    await this.#parts.wal.mark(mark);
    this.#parts.raft.compactLog(mark);
    this.#mark = mark;
    this.#parts.trace.event('debug', 'snapshot mark', { index: mark.index });
  }

  /** A clean end: everything applied goes to the backend, and the log says so. */
  async #settleDown(): Promise<void> {
    const { flusher } = this.#parts;
    await flusher.finish();
    if (this.#failed) return;
    const durable = flusher.durable;
    if (durable !== undefined && durable.index > this.#mark.index) await this.#makeMark(durable);
  }
}
