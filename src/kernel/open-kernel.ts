import type { Backend } from '../ports/backend.js';
import type { Clock } from '../ports/clock.js';
import type { Disk } from '../ports/disk.js';
import type { Network } from '../ports/network.js';
import type { Random } from '../ports/random.js';
import type { Meter, Trace } from '../ports/trace.js';
import {
  type ResponseHeader,
  type Role,
  isStoreError,
  StoreError,
  type WatchRequest,
} from '../store/index.js';
import type { Alarm } from './apply/alarms.js';
import type { MemberRecord } from './codec/command.js';
import type { MemberChange } from './codec/conf-change-codec.js';
import type { Kernel, KernelStatus, KvHash, StateImage } from './kernel.js';
import { LocalStore } from './local-store.js';
import type { Origin } from './replica/identity.js';
import { KvHashes } from './replica/kv-hashes.js';
import { NO_NETWORK } from './replica/no-network.js';
import { MemberSnapshots } from './replica/member-snapshots.js';
import type { ReplicaProbe } from './replica/probe.js';
import { QuotaGauge } from './replica/quota-gauge.js';
import { Publisher } from './replica/publisher.js';
import { Replica } from './replica/replica.js';
import { drawNonce } from './replica/start-nonce.js';
import type { SnapshotPorts } from './replica/snapshot-hooks.js';
import type { ReplicaSettings } from './replica/settings.js';
import { KernelStreams } from './streams.js';
import type { WatchCursor } from './watch/cursor.js';

/** The world that a member lives in, and who it is. */
export interface KernelOptions {
  /** The member's data directory. The caller holds its lock. */
  readonly disk: Disk;
  /** Closed by the kernel when it closes. */
  readonly backend: Backend;
  readonly clock: Clock;
  /** Must not be the same at another start. */
  readonly random: Random;
  readonly trace: Trace;
  readonly meter?: Meter;
  readonly settings: ReplicaSettings;
  readonly clusterId: bigint;
  /** Published to the cluster at each start. The id counts for a new member only. */
  readonly member: MemberRecord;
  /**
   * How a member without data begins: as one of the first `members` of a new cluster (its own
   * record among them, the same on each), or as one that was added to a running one; `members`
   * then say where the others are. Absent: a cluster of its own.
   */
  readonly start?:
    | { readonly kind: 'new'; readonly members: readonly MemberRecord[] }
    | { readonly kind: 'join'; readonly members?: readonly MemberRecord[] };
  /** The way to the other members; a cluster of one needs none. */
  readonly network?: Network;
  /** Told of everything inside, for checkers. */
  readonly probe?: ReplicaProbe;
  /**
   * Makes this member the only one of its cluster, with the state that it has. Once, at a start.
   */
  readonly forceNewCluster?: boolean;
  /** Progress of loading the index: rows read, and how many there are. */
  readonly onProgress?: (rows: number, total: number) => void;
}

/**
 * Opens a member on its data directory, or makes a new one. One that is alone can serve then; one
 * of several begins to look for a leader, and answers when there is one.
 * @throws MemberRefusedError for a member that was removed
 * @throws WalCorruptError, StateMismatchError, RowCorruptError, CodecError, DiskError: the state on
 * disk cannot be trusted, or cannot be read or written
 *
 * @example
 * const member = { id: 1n, name: 'one', peerUrls: [], clientUrls: [], isLearner: false };
 * const settings = DEFAULT_SETTINGS;
 * const kernel = await openKernel({ ...ports, settings, clusterId: 7n, member });
 * console.log((await kernel.store.range(allKeys())).count); // 0
 * await kernel.close();
 */
export async function openKernel(options: KernelOptions): Promise<Kernel> {
  const kernel = new LocalKernel(options);
  await kernel.open();
  return kernel;
}

class LocalKernel implements Kernel {
  readonly #options: KernelOptions;
  readonly #streams = new KernelStreams();
  readonly failed: Promise<Error>;
  #reportFailure: (error: Error) => void = () => undefined;
  #failure: Error | undefined;
  #replica: Replica | undefined;
  #store: LocalStore | undefined;
  #snapshots: MemberSnapshots | undefined;
  #publisher: Publisher | undefined;
  #hashes: KvHashes | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: KernelOptions) {
    this.#options = options;
    this.failed = new Promise((resolve) => {
      this.#reportFailure = resolve;
    });
  }

  async open(): Promise<void> {
    const { clock, random, settings, backend, network, forceNewCluster } = this.#options;
    const replica = await Replica.open({
      ...this.#options,
      network: network ?? NO_NETWORK,
      origin: this.#origin(),
      forceAlone: forceNewCluster === true,
      snapshots: (state) => (ports) => {
        this.#snapshots = new MemberSnapshots(this.#options, state, {
          ...ports,
          replaced: () => this.#replaced(ports),
        });
        return this.#snapshots;
      },
      onRevision: (batch) => this.#streams.emitRevision(batch),
      onRoleChange: () => this.#changeRole(),
      onFailure: (error) => this.#fail(error),
    });
    this.#replica = replica;
    this.#streams.follow(replica.state.mvcc);
    this.#store = new LocalStore({
      replica,
      streams: this.#streams,
      settings,
      clock,
      random,
      // A checkpoint goes with the first change: it must not be what keeps that change out.
      quota: new QuotaGauge(settings.quotaBytes, clock, () =>
        replica.read(() => backend.size().usedBytes - replica.state.mvcc.checkpointBytes),
      ),
      close: () => this.close(),
    });
    await this.#publish(replica);
    this.#changeRole();
  }

  /**
   * Subscribers are told from outside the loop's step, which must not be inside their callbacks.
   */
  #replaced(ports: SnapshotPorts): void {
    ports.replaced();
    const tell = (): void => {
      try {
        this.#replica?.read(() => this.#streams.replaced());
      } catch (error) {
        // The member has ended, and the streams with it.
        if (!isStoreError(error, 'Stopped')) throw error;
      }
    };
    this.#options.clock.timer(0, tell);
  }

  /** How a member without data begins. What only it knows of itself is published, not founded. */
  #origin(): Origin {
    const { clusterId, member, start, random, clock } = this.#options;
    const directoryNonce = drawNonce(random, clock, 'directory');
    const members = start === undefined ? [member] : (start.members ?? []);
    if (start?.kind === 'new' && !members.some(({ id }) => id === member.id)) {
      throw new Error('a member of a new cluster must be one of its first members');
    }
    return {
      identity: { clusterId, memberId: member.id, directoryNonce },
      members: members.map((one) => ({ ...one, clientUrls: [] })),
      joins: start?.kind === 'join',
    };
  }

  /** Makes the member's name and addresses known, when they are new; alone, before it serves. */
  async #publish(replica: Replica): Promise<void> {
    const { member, trace, clock } = this.#options;
    this.#publisher = new Publisher(replica, member, trace, clock);
    const published = this.#publisher.run();
    if (replica.raft.immediateReadIndex() === undefined) return;
    try {
      await published;
      replica.ensureRunning();
    } catch (error) {
      await replica.close();
      throw error;
    }
  }

  #opened(): Replica {
    if (this.#replica === undefined) throw new Error('the kernel is not open yet');
    return this.#replica;
  }

  get store(): LocalStore {
    if (this.#store === undefined) throw new Error('the kernel is not open yet');
    return this.#store;
  }

  header(): ResponseHeader {
    return this.store.header();
  }

  openWatch(request: WatchRequest): WatchCursor {
    return this.#opened().hub.open(request);
  }

  alarms(): readonly Alarm[] {
    return this.#opened().state.alarms.list();
  }

  async setAlarm(action: 'activate' | 'deactivate', alarm: Alarm): Promise<readonly Alarm[]> {
    const result = await this.#opened().proposals.submitOwn({ kind: 'alarm', action, ...alarm });
    return result.kind === 'alarm' ? result.alarms : [];
  }

  async members(linearizable: boolean): Promise<readonly MemberRecord[]> {
    const replica = this.#opened();
    if (linearizable) await replica.reads.ready();
    return replica.state.members.list();
  }

  addMember(member: MemberRecord): Promise<readonly MemberRecord[]> {
    if (member.peerUrls.length === 0) return Promise.reject(new StoreError('BadMemberUrls'));
    return this.#changeMembers({ kind: 'add', member });
  }

  async removeMember(id: bigint): Promise<readonly MemberRecord[]> {
    const members = await this.#changeMembers({ kind: 'remove', id });
    // Who removes itself may be told of it before its own table is.
    return members.filter((member) => member.id !== id);
  }

  promoteMember(id: bigint): Promise<readonly MemberRecord[]> {
    return this.#changeMembers({ kind: 'promote', id });
  }

  async #changeMembers(change: MemberChange): Promise<readonly MemberRecord[]> {
    const replica = this.#opened();
    replica.ensureRunning();
    await replica.peers.service.change(change);
    return replica.state.members.list();
  }

  async updateMember(id: bigint, peerUrls: readonly string[]): Promise<readonly MemberRecord[]> {
    if (peerUrls.length === 0) throw new StoreError('BadMemberUrls');
    const replica = this.#opened();
    await replica.proposals.submitOwn({ kind: 'memberUpdate', id, peerUrls });
    return replica.state.members.list();
  }

  async moveLeader(target: bigint): Promise<void> {
    const replica = this.#opened();
    replica.ensureRunning();
    await replica.transfer.moveTo(target);
  }

  stepAside(): Promise<void> {
    return this.#opened().transfer.stepAside();
  }

  async snapshot(): Promise<StateImage> {
    this.#opened().ensureRunning();
    if (this.#snapshots === undefined) throw new StoreError('Stopped');
    return await this.#snapshots.images.take();
  }

  async defragment(): Promise<void> {
    const { clock, meter } = this.#options;
    const startMs = clock.monotonic();
    await this.#opened().defragment();
    meter?.observe('defragmentSeconds', (clock.monotonic() - startMs) / 1000);
  }

  async hashKv(revision: number): Promise<KvHash> {
    const replica = this.#opened();
    // What members compare should be as new as can be; one that is cut off is asked all the same.
    if (replica.raft.leader !== 0n) await replica.reads.ready();
    this.#hashes ??= new KvHashes({
      mvcc: replica.state.mvcc,
      clock: this.#options.clock,
      meter: this.#options.meter,
      read: (read) => replica.read(read),
    });
    return await this.#hashes.hash(revision);
  }

  async hash(): Promise<number> {
    return (await this.hashKv(0)).hash;
  }

  status(): KernelStatus {
    const replica = this.#opened();
    const { raft, state, hub, proposals, appliedIndex } = replica;
    const size = replica.read(() => this.#options.backend.size());
    return {
      role: this.#streams.role,
      leader: raft.leader,
      raftTerm: raft.term,
      committedIndex: raft.committed,
      appliedIndex,
      dbSizeBytes: size.allocatedBytes,
      dbSizeInUseBytes: size.usedBytes,
      quotaBytes: this.#options.settings.quotaBytes,
      isLearner: raft.learners.includes(raft.id),
      revision: state.mvcc.revision,
      compactRevision: state.mvcc.compactRevision,
      keyCount: state.mvcc.keyCount,
      leaseCount: state.lessor.count,
      watcherCount: hub.watcherCount,
      pendingBatchCount: hub.pendingBatchCount,
      pendingProposals: proposals.pendingCount,
      failedProposals: proposals.failedCount,
      errors: this.#errors(),
    };
  }

  #errors(): readonly string[] {
    const errors = this.alarms().map(
      ({ memberId, alarm }) => `memberID:${memberId} alarm:${alarm.toUpperCase()} `,
    );
    if (this.#opened().raft.leader === 0n) errors.push('etcdserver: no leader');
    return errors;
  }

  #changeRole(): void {
    const replica = this.#replica;
    if (replica === undefined || this.#failure !== undefined) return;
    const { role, leader } = replica.raft;
    const shown: Role = role === 'pre-candidate' ? 'candidate' : role;
    this.#streams.emitRole(shown);
    const healthy = leader !== 0n;
    this.#streams.emitHealth({ healthy, reason: healthy ? '' : 'RAFT NO LEADER' });
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#streams.close(error.message);
    this.#reportFailure(error);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#publisher?.close();
    try {
      await this.#replica?.close();
    } finally {
      this.#streams.close('closed');
      await this.#options.backend.close();
    }
  }
}
