// A Kernel for tests of the services alone: the model of the store with the real watch hub over its
// history, and switches for what a member can suffer. Nothing is on disk.
import type {
  Alarm,
  Kernel,
  KernelStatus,
  KvHash,
  MemberRecord,
  WatchCursor,
} from '../../../src/kernel/index.js';
import { WatchHub } from '../../../src/kernel/watch/hub.js';
import { NodeClock } from '../../../src/host/node-clock.js';
import { NodeRandom } from '../../../src/host/node-random.js';
import type { Clock } from '../../../src/ports/clock.js';
import {
  type ResponseHeader,
  type RevisionBatch,
  StoreError,
  type WatchRequest,
} from '../../../src/store/index.js';
import { ModelServer } from '../../../src/simulation/model/model-server.js';
import { ModelStore } from '../../../src/simulation/model/model-store.js';

export class FakeKernel implements Kernel {
  readonly server: ModelServer;
  readonly store: ModelStore;
  readonly #hub: WatchHub;
  #published: number;
  /** What a cluster without a majority looks like. */
  leader = 11n;
  raised: Alarm[] = [];
  isLearner = false;
  closed = false;
  failNow: (error: Error) => void = () => {};
  readonly failed = new Promise<Error>((resolve) => {
    this.failNow = resolve;
  });

  constructor(clock: Clock = new NodeClock()) {
    const random = new NodeRandom();
    this.server = new ModelServer({ clock, random, minTtlSeconds: 2 });
    this.store = new ModelStore({ clock, random, server: this.server });
    const { kv } = this.server;
    this.#hub = new WatchHub({
      history: {
        get revision(): number {
          return kv.revision;
        },
        get compactRevision(): number {
          return kv.compactedRevision;
        },
        history: (after, upTo, limit) =>
          kv.history
            .filter(({ revision }) => revision > after && revision <= upTo)
            .map(bare)
            .slice(0, limit),
        previous: (key, modRevision) => {
          if (modRevision - 1 < kv.compactedRevision) return undefined;
          return kv.range({ key, revision: modRevision - 1 }).kvs[0];
        },
      },
    });
    this.#published = kv.revision;
    this.server.listen(() => {
      for (const batch of kv.history) {
        if (batch.revision <= this.#published) continue;
        this.#published = batch.revision;
        this.#hub.publish(bare(batch));
      }
    });
  }

  /** Compacts, which the model's own call does not tell the hub. */
  compact(revision: number): void {
    this.server.kv.compact(revision);
    this.#hub.compacted(revision);
  }

  header(): ResponseHeader {
    return this.server.header();
  }

  openWatch(request: WatchRequest): WatchCursor {
    return this.#hub.open(request);
  }

  status(): KernelStatus {
    const { revision, compactedRevision: compactRevision } = this.server.kv;
    return {
      role: this.leader === 0n ? 'candidate' : 'leader',
      leader: this.leader,
      raftTerm: 2,
      committedIndex: 40,
      appliedIndex: 39,
      dbSizeBytes: 0,
      dbSizeInUseBytes: 0,
      quotaBytes: 2 ** 31,
      isLearner: this.isLearner,
      revision,
      compactRevision,
      keyCount: 0,
      leaseCount: 0,
      watcherCount: this.#hub.watcherCount,
      pendingBatchCount: this.#hub.pendingBatchCount,
      pendingProposals: 3,
      failedProposals: 5,
      errors: [],
    };
  }

  alarms(): readonly Alarm[] {
    return this.raised;
  }

  setAlarm(action: 'activate' | 'deactivate', alarm: Alarm): Promise<readonly Alarm[]> {
    if (action === 'activate') this.raised = [...this.raised, alarm];
    else this.raised = this.raised.filter((each) => each.alarm !== alarm.alarm);
    return Promise.resolve([alarm]);
  }

  members(): Promise<readonly MemberRecord[]> {
    const peerUrls = ['http://localhost:2380'];
    return Promise.resolve([
      {
        id: 11n,
        name: 'default',
        peerUrls,
        clientUrls: ['http://localhost:2379'],
        isLearner: false,
      },
    ]);
  }

  readonly #notHere = (): Promise<never> => Promise.reject(new StoreError('Unimplemented'));
  addMember: Kernel['addMember'] = this.#notHere;
  removeMember: Kernel['removeMember'] = this.#notHere;
  updateMember: Kernel['updateMember'] = this.#notHere;
  promoteMember: Kernel['promoteMember'] = this.#notHere;
  moveLeader: Kernel['moveLeader'] = this.#notHere;
  stepAside: Kernel['stepAside'] = () => Promise.resolve();
  snapshot: Kernel['snapshot'] = this.#notHere;
  defragment: Kernel['defragment'] = () => Promise.resolve();

  hashKv(revision: number): Promise<KvHash> {
    return Promise.resolve({ hash: 7, hashRevision: revision, compactRevision: -1 });
  }

  hash(): Promise<number> {
    return Promise.resolve(9);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.#hub.close();
    await this.store.close();
  }
}

/**
 * The model keeps the pair before each change in its events; the hub adds it where it is asked for.
 */
function bare(batch: RevisionBatch): RevisionBatch {
  return { ...batch, events: batch.events.map(({ type, kv }) => ({ type, kv })) };
}
