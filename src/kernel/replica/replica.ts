import { isStoreError, LIMITS, StoreError } from '../../store/index.js';
import { Applier } from '../apply/applier.js';
import { isSoleVoter } from '../raft/quorum.js';
import { Raft } from '../raft/raft.js';
import { WatchHub } from '../watch/hub.js';
import { type Bootstrapped, bootstrap } from './bootstrap.js';
import { Compactor } from './compactor.js';
import { DiskGauge } from './disk-gauge.js';
import { EntryApplier } from './entry-applier.js';
import { Flusher } from './flusher.js';
import type { Identity } from './identity.js';
import { LateHeartbeats } from './late-heartbeats.js';
import { LeaseService } from './lease-service.js';
import { LogMarks } from './log-marks.js';
import { ReplicaLoop } from './loop.js';
import { MemberRefusedError } from './member-refused-error.js';
import { NoSpaceAlarm } from './no-space-alarm.js';
import { Outbox } from './outbox.js';
import { Peers } from './peers.js';
import { Proposals } from './proposals.js';
import { Proposing } from './proposing.js';
import { readSource } from './read-source.js';
import { firstReadContext, Reads } from './reads.js';
import { electionMsOf, raftConfigOf, type ReplicaOptions, requestMsOf } from './replica-options.js';
import { NO_SNAPSHOTS } from './snapshot-hooks.js';
import { drawNonce } from './start-nonce.js';
import { Transfer } from './transfer.js';
import { WakeUp } from './wake-up.js';

/**
 * One member's machines, put together: the composition root of the kernel. It owns their beginning
 * and their end; what they do together is in the loop.
 */
export class Replica {
  readonly identity: Identity;
  readonly state: Bootstrapped;
  readonly raft: Raft;
  readonly hub: WatchHub;
  readonly proposals: Proposals;
  readonly reads: Reads;
  readonly leases: LeaseService;
  readonly compactor: Compactor;
  readonly noSpace: NoSpaceAlarm;
  readonly disk: DiskGauge;
  readonly transfer: Transfer;
  /** The other members: calls to them, and changes of who they are. */
  readonly peers: Peers;
  readonly #options: ReplicaOptions;
  readonly #flusher: Flusher;
  readonly #entries: EntryApplier;
  readonly #loop: ReplicaLoop;
  #closed = false;
  #logEnd: Promise<void> | undefined;
  #stopped: StoreError | undefined;
  #compactRevisionSeen = 0;

  private constructor(options: ReplicaOptions, state: Bootstrapped) {
    const { clock, settings, meter, random } = options;
    const wakeUp = new WakeUp();
    const startNonce = drawNonce(random, clock, 'start');
    const { identity } = state.origin;
    this.#options = options;
    this.state = state;
    this.identity = identity;
    this.raft = new Raft(raftConfigOf(options, identity.memberId), state.raft);
    this.hub = new WatchHub({
      history: state.mvcc,
      wake: wakeUp.ring,
      onBroken: (error) => this.#breakDown(error),
      bufferBatches: settings.watchBufferBatches,
      recentRevisions: settings.watchRecentRevisions,
      sliceRevisions: settings.watchSliceRevisions,
    });
    const origin = { memberId: identity.memberId, startNonce };
    this.proposals = new Proposals(origin, settings.requestBytesMax, wakeUp.ring);
    this.noSpace = new NoSpaceAlarm(this.proposals, { ...settings, ...state, ...origin });
    this.disk = new DiskGauge({
      ...options,
      reserveBytes: settings.diskReserveBytes ?? LIMITS.diskReserveBytes,
      raise: () => this.noSpace.raise(),
    });
    this.reads = new Reads(
      readSource(this.raft, () => this.appliedIndex),
      wakeUp.ring,
      firstReadContext(drawNonce(random, clock, 'read')),
      meter,
    );
    this.compactor = new Compactor(state.mvcc, clock, meter, wakeUp.ring);
    this.#flusher = this.#makeFlusher(wakeUp);
    const electionMs = electionMsOf(settings);
    this.transfer = new Transfer({ raft: this.raft, clock, electionMs, wake: wakeUp.ring });
    this.peers = new Peers({
      ...options,
      heartbeatMs: settings.heartbeatMs,
      electionMs,
      requestMs: requestMsOf(settings),
      origin: state.origin,
      startNonce,
      raft: this.raft,
      members: state.members,
      transfer: this.transfer,
      snapshots: options.snapshots?.(state) ?? NO_SNAPSHOTS,
      afterFlush: (take) => this.#loop.afterFlush(take),
      applied: () => this.appliedIndex,
      replaced: () => this.hub.historyReplaced(),
      fail: (error) => this.#loop.fail(error),
      wake: wakeUp.ring,
    });
    this.leases = new LeaseService({
      ...options,
      raft: this.raft,
      reads: this.reads,
      proposals: this.proposals,
      calls: this.peers.calls,
      lessor: state.lessor,
      electionMs,
      requestMs: requestMsOf(settings),
      appliedTerm: () => this.#entries.applied.term,
    });
    const outbox = new Outbox((batch) => {
      this.hub.publish(batch);
      options.onRevision(batch);
    });
    this.#entries = this.#makeEntries(outbox);
    this.#loop = this.#makeLoop(wakeUp, outbox);
  }

  #makeFlusher(wakeUp: WakeUp): Flusher {
    const { clock, settings, meter } = this.#options;
    const { buffer, applied } = this.state;
    return new Flusher(
      {
        buffer,
        clock,
        meter,
        batchMs: settings.backendBatchMs,
        batchRows: settings.backendBatchRows,
        applied: () => this.#entries.applied,
        wake: wakeUp.ring,
        onError: (error) => this.#loop.fail(error),
      },
      applied.index > 0 ? applied : undefined,
    );
  }

  #makeEntries(outbox: Outbox): EntryApplier {
    const { clock, meter, probe } = this.#options;
    const { state, raft, proposals, peers } = this;
    return new EntryApplier({
      applier: new Applier({ ...state, onRevision: (batch) => outbox.add(batch) }),
      membership: peers.membership,
      members: state.members,
      proposals,
      raft,
      mvcc: state.mvcc,
      clock,
      meter,
      probe,
      applied: state.applied,
      onMembers: () => peers.changed(),
    });
  }

  #makeLoop(wakeUp: WakeUp, outbox: Outbox): ReplicaLoop {
    const { clock, settings, trace, probe, onRoleChange } = this.#options;
    const { state, raft, proposals, reads, peers, transfer, compactor } = this;
    const lateHeartbeats = new LateHeartbeats(raft, settings.heartbeatMs, this.#options.meter);
    return new ReplicaLoop({
      heartbeatMs: settings.heartbeatMs,
      electionMs: electionMsOf(settings),
      requestMs: requestMsOf(settings),
      clock,
      trace,
      probe,
      raft,
      wal: state.wal,
      entries: this.#entries,
      proposals,
      proposing: new Proposing(raft, proposals, peers.sender),
      desk: peers.desk,
      snapshots: peers.snapshots,
      transfer,
      reads,
      leaseKeeper: this.leases.keeper,
      flusher: this.#flusher,
      marks: new LogMarks({
        raft,
        wal: state.wal,
        trace,
        snapshotEntries: settings.snapshotEntries,
        catchUpEntries: settings.snapshotCatchUpEntries ?? LIMITS.snapshotCatchUpEntries,
        mark: state.raft.mark,
        bytesSinceMark: state.raft.entries.reduce((sum, { data }) => sum + data.length, 0),
      }),
      compactor,
      outbox,
      wakeUp,
      onRoleChange,
      onTick: (nowMs) => {
        peers.tick(nowMs);
        lateHeartbeats.tick(nowMs);
        this.disk.tick(nowMs);
      },
      afterTurn: () => this.#afterTurn(),
      onFailure: (error) => this.#onFailure(error),
    });
  }

  /**
   * Opens the member's state and starts its loop. A single voter leads when this resolves; others
   * look for a leader from then on.
   * @throws what `bootstrap` throws; MemberRefusedError for a member that knows of its removal
   */
  static async open(options: ReplicaOptions): Promise<Replica> {
    const state = await bootstrap({ ...options, meter: options.meter });
    const { memberId } = state.origin.identity;
    if (state.members.isRemoved(memberId)) {
      await state.wal.abandon();
      throw new MemberRefusedError('removed');
    }
    const replica = new Replica(options, state);
    const isAlone = isSoleVoter(state.applied.confState, memberId);
    if (isAlone) replica.raft.campaign();
    replica.peers.changed();
    replica.#loop.start();
    if (isAlone || options.forceAlone) await replica.#untilReady();
    return replica;
  }

  /** Who decides alone has nobody to wait for but its own disk, however long that takes. */
  async #untilReady(): Promise<void> {
    for (;;) {
      try {
        await this.reads.ready();
        return;
      } catch (error) {
        if (isStoreError(error, 'Timeout')) continue;
        await this.close();
        throw error;
      }
    }
  }

  get appliedIndex(): number {
    return this.#entries.applied.index;
  }

  /**
   * Gives the backend's free space back to the file system, while reads and writes go on.
   * @throws StoreError `Stopped`; `Unavailable` while another state is installed
   */
  async defragment(): Promise<void> {
    this.ensureRunning();
    try {
      await this.#flusher.instead(() => this.#options.backend.defragment());
    } catch (error) {
      this.ensureRunning();
      if (error instanceof StoreError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new StoreError('Unavailable', `defragmentation failed: ${reason}`, { cause: error });
    }
  }

  /** Watchers are woken, and told of compactions, when no step is under way. */
  #afterTurn(): void {
    const { compactRevision } = this.state.mvcc;
    if (compactRevision > this.#compactRevisionSeen) {
      this.#compactRevisionSeen = compactRevision;
      this.hub.compacted(compactRevision);
    }
    this.hub.notify();
  }

  /** @throws StoreError `Stopped` once the member was closed or has failed */
  ensureRunning(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  #onFailure(error: Error): void {
    this.#refuseAll(new StoreError('Stopped', undefined, { cause: error }));
    this.#flusher.stop();
    this.#logEnd = this.state.wal.abandon();
    this.#endWatches();
    this.#options.onFailure(error);
  }

  /**
   * Reads from the state. What goes wrong there and is no answer (a damaged row, a backend that
   * cannot be read) ends the member, as it would while applying.
   * @throws StoreError what `read` throws; `Stopped` when the state cannot be read
   */
  read<T>(read: () => T): T {
    this.ensureRunning();
    try {
      return read();
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw this.#breakDown(error);
    }
  }

  /**
   * Nothing is answered from now on. The rest of the end comes a little later: this may be called
   * from inside a watcher, which must not be told before it has returned.
   */
  #breakDown(error: unknown): StoreError {
    this.#stopped ??= new StoreError('Stopped', undefined, { cause: error });
    queueMicrotask(() => this.#loop.fail(error));
    return this.#stopped;
  }

  /** The loop runs no more, so the watchers' callbacks run here. */
  #endWatches(): void {
    this.hub.close();
    this.hub.notify();
  }

  #refuseAll(error: StoreError): void {
    this.#stopped ??= error;
    this.proposals.close(error);
    this.reads.close(error);
    this.compactor.stop();
    this.leases.close(error);
    this.peers.close(error);
    this.transfer.close();
  }

  /**
   * Refuses what is new, applies what is under way, flushes, closes the log, and leaves a
   * checkpoint of the index for the next start. Idempotent.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#loop.stop();
    const isSound = this.#stopped === undefined;
    this.#refuseAll(new StoreError('Stopped'));
    this.#flusher.stop();
    this.#endWatches();
    this.#logEnd ??= this.state.wal.close();
    await this.#logEnd;
    // The backend is closed next, which must not happen under a flush.
    await this.#flusher.settled();
    if (isSound) await this.#saveCheckpoint();
  }

  /** Everything is durable without it: should it fail, the next start reads all rows. */
  async #saveCheckpoint(): Promise<void> {
    try {
      await this.state.mvcc.saveCheckpoint();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.trace.event('warn', 'no index checkpoint written', { reason });
    }
  }
}
