import type { Clock, Timer } from '../../ports/clock.js';
import type { Trace } from '../../ports/trace.js';
import type { Raft } from '../raft/raft.js';
import type { Ready } from '../raft/ready.js';
import type { Message } from '../raft/messages.js';
import { isSoleVoter } from '../raft/quorum.js';
import type { Entry, SnapshotMark } from '../raft/types.js';
import type { Wal } from '../wal/wal.js';
import type { AppliedState } from './applied-row.js';
import type { Compactor } from './compactor.js';
import type { EntryApplier } from './entry-applier.js';
import type { Flusher } from './flusher.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { LogMarks } from './log-marks.js';
import type { Outbox } from './outbox.js';
import { Pace } from './pace.js';
import type { PeerDesk } from './peer-desk.js';
import type { ReplicaProbe } from './probe.js';
import type { Proposals } from './proposals.js';
import type { Proposing } from './proposing.js';
import type { Reads } from './reads.js';
import type { SnapshotHooks } from './snapshot-hooks.js';
import type { Transfer } from './transfer.js';
import type { WakeUp } from './wake-up.js';
import { worthSending } from './worth-sending.js';

/** The machines that the loop turns, and the ways out to the world. */
export interface LoopParts {
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** How long callers wait for what they asked for. */
  readonly requestMs: number;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly probe: ReplicaProbe | undefined;
  readonly raft: Raft;
  readonly wal: Wal;
  readonly entries: EntryApplier;
  readonly proposals: Proposals;
  readonly proposing: Proposing;
  readonly desk: PeerDesk;
  readonly snapshots: SnapshotHooks;
  readonly transfer: Transfer;
  readonly reads: Reads;
  readonly leaseKeeper: LeaseKeeper;
  readonly flusher: Flusher;
  readonly marks: LogMarks;
  readonly compactor: Compactor;
  readonly outbox: Outbox;
  readonly wakeUp: WakeUp;
  readonly onRoleChange: () => void;
  /** Once each heartbeat, for what is nobody else's. */
  readonly onTick: (nowMs: number) => void;
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
  readonly #pace: Pace;
  /** Until when entries were applied last, in monotonic milliseconds. */
  #appliedAtMs = Number.NEGATIVE_INFINITY;
  #isTickDue = false;
  #tickedAtMs = 0;
  #tickTimer: Timer | undefined;
  #afterFlush: (() => void)[] = [];
  #stopping = false;
  #failed = false;
  #done: Promise<void> = Promise.resolve();

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.clock);
  }

  get applied(): AppliedState {
    return this.#parts.entries.applied;
  }

  start(): void {
    this.#tickedAtMs = this.#parts.clock.monotonic();
    this.#armTick();
    this.#done = this.#run();
  }

  /** Runs `take` right after a flush of everything applied, between two entries. */
  afterFlush(take: () => void): void {
    this.#afterFlush.push(take);
    this.#parts.wakeUp.ring();
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
    const { clock, heartbeatMs, wakeUp } = this.#parts;
    this.#tickTimer = clock.timer(heartbeatMs, () => {
      this.#isTickDue = true;
      this.#armTick();
      wakeUp.ring();
    });
  }

  async #run(): Promise<void> {
    try {
      // What a turn has left undone for lack of time is done in spite of a stop.
      while (!this.#stopping || this.#pace.isOver) {
        if (this.#pace.isOver) await this.#pace.pause();
        if (this.#failed) return;
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
    const { proposing, desk, raft, flusher } = this.#parts;
    return (
      !this.#stopping &&
      !proposing.isDue &&
      !desk.hasFrames &&
      !raft.hasReady() &&
      !flusher.isDue &&
      this.#afterFlush.length === 0
    );
  }

  async #turn(): Promise<void> {
    const { raft, reads, leaseKeeper, proposing, desk, probe } = this.#parts;
    this.#tick();
    desk.deliver();
    leaseKeeper.tick();
    proposing.run();
    reads.ask();
    probe?.stepped(raft);
    while (!this.#failed && raft.hasReady() && !this.#pace.isOver) {
      const ready = raft.ready();
      probe?.stepped(raft);
      const appliedIndex = await this.#handle(ready);
      if (this.#failed) return;
      raft.advance(appliedIndex);
      probe?.stepped(raft);
    }
    if (this.#failed) return;
    reads.release();
    await this.#tidyUp();
  }

  /** What is not urgent: rows to the backend, compaction, marks in the log. */
  async #tidyUp(): Promise<void> {
    const { flusher, compactor, marks } = this.#parts;
    compactor.step();
    compactor.note();
    flusher.note();
    if (flusher.isDue) void flusher.start();
    if (flusher.isBehind) await flusher.start();
    if (this.#afterFlush.length > 0 && !this.#failed) {
      await flusher.finish();
      const takes = this.#afterFlush;
      this.#afterFlush = [];
      if (!this.#failed) for (const take of takes) take();
    }
    if (!this.#failed) await marks.makeIfDue(flusher.durable);
  }

  /** However many heartbeats a stall has swallowed, they count as one. */
  #tick(): void {
    if (!this.#isTickDue) return;
    this.#isTickDue = false;
    const { raft, clock, electionMs, requestMs, proposals, reads } = this.#parts;
    const nowMs = clock.monotonic();
    if (nowMs - this.#tickedAtMs > electionMs) raft.pauseNoticed();
    this.#tickedAtMs = nowMs;
    raft.tick();
    this.#parts.probe?.stepped(raft);
    proposals.tick(nowMs, requestMs);
    reads.tick(nowMs, requestMs);
    this.#parts.desk.tick();
    this.#parts.snapshots.tick(nowMs);
    this.#parts.onTick(nowMs);
  }

  /** @returns the last entry of the Ready that was applied; undefined when it has none to apply */
  async #handle(ready: Ready): Promise<number | undefined> {
    this.#send(ready.messagesBeforePersist);
    if (ready.snapshot !== undefined) await this.#install(ready.snapshot);
    if (this.#failed) return undefined;
    const kept = this.#keep(ready);
    if (mayApplyMeanwhile(ready)) {
      // Both are awaited below, whichever fails first.
      kept.catch(() => undefined);
      // The log begins its write in a microtask: before that there is no meanwhile.
      await Promise.resolve();
      const appliedIndex = this.#failed ? undefined : await this.#apply(ready);
      await kept;
      return appliedIndex;
    }
    await kept;
    if (this.#failed) return undefined;
    if (ready.softState !== undefined) this.#changeRole();
    await this.#keepCommit(ready.committedEntries);
    return this.#failed ? undefined : await this.#apply(ready);
  }

  /** What is promised leaves as soon as it is kept, however long applying takes. */
  async #keep(ready: Ready): Promise<void> {
    await this.#persist(ready);
    if (!this.#failed) this.#send(ready.messages);
  }

  /**
   * Applies what is committed, as far as time allows; what is left comes again in the next Ready.
   * @returns the last entry that was applied
   */
  async #apply(ready: Ready): Promise<number | undefined> {
    const { reads, flusher, outbox } = this.#parts;
    let done: number | undefined;
    for (const entry of ready.committedEntries) {
      this.#applyOne(entry);
      done = entry.index;
      if (flusher.isBehind) {
        await flusher.start();
        if (this.#failed) return undefined;
      }
      if (this.#pace.isOver) break;
    }
    for (const { context, index } of ready.readStates) reads.answered(context, index);
    reads.release();
    outbox.drain();
    return done;
  }

  #applyOne(entry: Entry): void {
    this.#pace.begin();
    this.#parts.entries.apply(entry);
    this.#appliedAtMs = this.#pace.end();
  }

  async #persist(ready: Ready): Promise<void> {
    const { wal, marks, probe } = this.#parts;
    const { entries, hardState, mustSync } = ready;
    if (entries.length === 0 && hardState === undefined) return;
    marks.note(entries);
    const startMs = this.#parts.clock.monotonic();
    await wal.append(entries, hardState, mustSync);
    if (this.#failed) return;
    probe?.persisted(entries, hardState, mustSync);
    this.#noteStall(startMs);
  }

  /**
   * A change of who decides must be known to be committed after any crash. Were it not, its voters
   * would ask for the consent of those who were dismissed, and who may be gone for good.
   */
  async #keepCommit(committed: readonly Entry[]): Promise<void> {
    if (!committed.some(({ kind }) => kind === 'config')) return;
    await this.#parts.wal.append([], undefined, true);
  }

  /**
   * A leader whose disk stands still for so long holds everybody up: another one should lead. What
   * was applied meanwhile may have kept the end of the write from being noticed, so only the time
   * after that was certainly the disk's.
   */
  #noteStall(startMs: number): void {
    const { clock, electionMs, raft, transfer, trace } = this.#parts;
    const nowMs = clock.monotonic();
    const stallMs = nowMs - Math.max(startMs, this.#appliedAtMs);
    if (stallMs < electionMs || raft.role !== 'leader') return;
    if (isSoleVoter(raft.confState, raft.id)) return;
    trace.event('warn', 'the log took longer than an election', { ms: stallMs });
    // The pause is accounted for by this; it would undo the hand-over otherwise.
    if (transfer.handOver()) this.#tickedAtMs = nowMs;
  }

  #send(messages: readonly Message[]): void {
    const { desk, probe, snapshots } = this.#parts;
    for (const message of worthSending(messages)) {
      if (message.kind === 'snapshot') {
        snapshots.offer(message.to, message.mark, message.term);
      } else {
        probe?.sending(message);
        desk.sendMessage(message);
      }
    }
  }

  async #install(mark: SnapshotMark): Promise<void> {
    const { flusher, snapshots, entries, marks, probe, trace } = this.#parts;
    await flusher.pause();
    if (this.#failed) return;
    const installed = await snapshots.install(mark);
    if (this.#failed) return;
    flusher.restart(installed.applied);
    marks.restart(mark);
    entries.installed(installed.applied);
    trace.event('info', 'state installed', { index: mark.index, revision: installed.revision });
    probe?.installed(mark, installed.revision, installed.rollingHash);
  }

  #changeRole(): void {
    const { raft, leaseKeeper, reads, transfer, wakeUp, onRoleChange } = this.#parts;
    leaseKeeper.lead(raft.role === 'leader' ? raft.term : undefined);
    reads.retry();
    transfer.changed();
    onRoleChange();
    wakeUp.ring();
  }

  /** A clean end: everything applied goes to the backend, and the log says so. */
  async #settleDown(): Promise<void> {
    const { flusher, marks } = this.#parts;
    await flusher.finish();
    if (this.#failed) return;
    if (flusher.durable !== undefined) await marks.make(flusher.durable);
  }
}

/**
 * Whether what is committed can be applied while the entries behind it are on their way to the
 * disk. It was persisted by an earlier Ready and waits for nothing, unless the role changes first
 * or the log has more to say about it.
 */
function mayApplyMeanwhile(ready: Ready): boolean {
  return (
    ready.snapshot === undefined &&
    ready.softState === undefined &&
    !ready.committedEntries.some(({ kind }) => kind === 'config')
  );
}
