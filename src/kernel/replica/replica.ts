import type { Backend } from '../../ports/backend.js';
import type { Clock } from '../../ports/clock.js';
import type { Disk } from '../../ports/disk.js';
import type { Random } from '../../ports/random.js';
import type { Meter, Trace } from '../../ports/trace.js';
import { LIMITS, type RevisionBatch, StoreError } from '../../store/index.js';
import { Applier } from '../apply/applier.js';
import { Raft } from '../raft/raft.js';
import { WatchHub } from '../watch/hub.js';
import { type Bootstrapped, bootstrap, type Identity } from './bootstrap.js';
import { Compactor } from './compactor.js';
import { Flusher } from './flusher.js';
import { LeaseKeeper } from './lease-keeper.js';
import { ReplicaLoop } from './loop.js';
import { Outbox } from './outbox.js';
import { Proposals } from './proposals.js';
import { Reads } from './reads.js';
import type { ReplicaSettings } from './settings.js';
import { WakeUp } from './wake-up.js';

export interface ReplicaOptions {
  readonly disk: Disk;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly random: Random;
  readonly trace: Trace;
  readonly meter?: Meter;
  readonly settings: ReplicaSettings;
  /** For a new member; one that has a log keeps the identity in it. */
  readonly identity: Identity;
  readonly onProgress?: (rows: number, total: number) => void;
  /** Called with each revision after it was applied, from the loop. */
  readonly onRevision: (batch: RevisionBatch) => void;
  readonly onRoleChange: () => void;
  readonly onFailure: (error: Error) => void;
}

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
  readonly compactor: Compactor;
  readonly #options: ReplicaOptions;
  readonly #flusher: Flusher;
  readonly #loop: ReplicaLoop;
  #closed = false;
  #logEnd: Promise<void> | undefined;
  #stopped: StoreError | undefined;
  #compactRevisionSeen = 0;

  private constructor(options: ReplicaOptions, state: Bootstrapped) {
    const { clock, settings, trace, meter } = options;
    const wakeUp = new WakeUp();
    this.#options = options;
    this.state = state;
    this.identity = state.identity;
    this.raft = new Raft(raftConfig(options, state.identity.memberId), state.raft);
    this.hub = new WatchHub({
      history: state.mvcc,
      wake: wakeUp.ring,
      onBroken: (error) => this.#breakDown(error),
    });
    this.proposals = new Proposals(settings.requestBytesMax, wakeUp.ring);
    this.reads = new Reads(
      readSource(this.raft, () => this.#loop.applied.index),
      wakeUp.ring,
    );
    this.compactor = new Compactor(state.mvcc, clock, meter, wakeUp.ring);
    this.#flusher = new Flusher(
      {
        buffer: state.buffer,
        clock,
        meter,
        batchMs: settings.backendBatchMs,
        batchRows: settings.backendBatchRows,
        applied: () => this.#loop.applied,
        wake: wakeUp.ring,
        onError: (error) => this.#loop.fail(error),
      },
      state.applied.index > 0 ? state.applied : undefined,
    );
    const outbox = new Outbox((batch) => {
      this.hub.publish(batch);
      options.onRevision(batch);
    });
    this.#loop = new ReplicaLoop({
      settings,
      clock,
      trace,
      meter,
      raft: this.raft,
      wal: state.wal,
      applier: new Applier({ ...state, onRevision: (batch) => outbox.add(batch) }),
      proposals: this.proposals,
      reads: this.reads,
      leaseKeeper: this.#leaseKeeper(),
      flusher: this.#flusher,
      compactor: this.compactor,
      outbox,
      wakeUp,
      applied: state.applied,
      mark: state.raft.mark,
      bytesSinceMark: state.raft.entries.reduce((sum, { data }) => sum + data.length, 0),
      onRoleChange: options.onRoleChange,
      afterTurn: () => this.#afterTurn(),
      onFailure: (error) => this.#onFailure(error),
    });
  }

  /**
   * Opens the member's state and starts its loop. A single voter leads when this resolves.
   * @throws what `bootstrap` throws
   */
  static async open(options: ReplicaOptions): Promise<Replica> {
    const state = await bootstrap({ ...options, meter: options.meter });
    const replica = new Replica(options, state);
    replica.raft.campaign();
    replica.#loop.start();
    try {
      await replica.reads.ready();
    } catch (error) {
      await replica.close();
      throw error;
    }
    return replica;
  }

  get appliedIndex(): number {
    return this.#loop.applied.index;
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

  #leaseKeeper(): LeaseKeeper {
    const { clock, settings } = this.#options;
    return new LeaseKeeper({
      lessor: this.state.lessor,
      clock,
      extendMs: settings.heartbeatMs * settings.electionTicks,
      propose: (command) => {
        this.proposals.submitOwn(command).catch((error: unknown) => {
          // The lessor hands out again what was not applied in time.
          this.#options.trace.event('debug', 'lease expiry not applied', { reason: String(error) });
        });
      },
    });
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

function readSource(raft: Raft, applied: () => number): ConstructorParameters<typeof Reads>[0] {
  return {
    get applied() {
      return applied();
    },
    immediateReadIndex: () => raft.immediateReadIndex(),
    requestRead: (context) => raft.requestRead(context),
  };
}

function raftConfig(options: ReplicaOptions, id: bigint): ConstructorParameters<typeof Raft>[0] {
  const random = options.random.split('election');
  return {
    id,
    electionTicks: options.settings.electionTicks,
    heartbeatTicks: 1,
    preVote: true,
    checkQuorum: true,
    maxMessageBytes: LIMITS.raftMessageBytes,
    maxInflightMessages: LIMITS.raftInflightMessages,
    maxInflightBytes: LIMITS.raftInflightBytes,
    maxUncommittedBytes: LIMITS.raftUncommittedBytes,
    electionJitter: (bound) => random.below(bound),
  };
}
