// One life of a member in simulation: from its opening on whatever the last power cut left, through
// a random workload with several requests in flight, to the next power cut. It remembers what each
// request was told, and every revision that was emitted.
import type { Backend, BackendWrite } from '../../src/ports/backend.js';
import { type Kernel, openKernel, type ReplicaSettings } from '../../src/kernel/index.js';
import { SimClock } from '../../src/simulation/sim-clock.js';
import type { SimBackend } from '../../src/simulation/sim-backend.js';
import type { SimDisk } from '../../src/simulation/sim-disk.js';
import type { SimRandom } from '../../src/simulation/sim-random.js';
import {
  isStoreError,
  type RangeRequest,
  type RangeResult,
  type RevisionBatch,
  type StoreErrorCode,
  type TxnRequest,
  type TxnResult,
} from '../../src/store/index.js';
import { SILENT } from '../support/sim-kernel.js';
import { randomRange, randomTxn } from './crash-requests.js';

/** A transaction and what became of it. */
export interface TxnCall {
  readonly name: string;
  readonly request: TxnRequest;
  result: TxnResult | undefined;
  /** The reason why it was not done; undefined together with `result`: nobody knows. */
  refused: StoreErrorCode | undefined;
}

export interface RangeCall {
  readonly request: RangeRequest;
  readonly result: RangeResult;
}

/** A lease with what was asked about it; `true` was acknowledged, `undefined` not asked. */
export interface LeaseCall {
  readonly id: bigint;
  granted: boolean;
  revoked: boolean | undefined;
}

/** What all lives of a run remember together. */
export interface Memory {
  readonly txns: TxnCall[];
  readonly ranges: RangeCall[];
  readonly leases: LeaseCall[];
  /** Every revision that was emitted, in order. */
  readonly batches: RevisionBatch[];
  compactRevision: number;
  /** Compactions that were asked for. */
  readonly compactions: Set<number>;
}

/** Errors that say nothing about what happened. */
const UNKNOWN: readonly StoreErrorCode[] = ['Stopped', 'Timeout'];
const OPERATIONS_PER_LIFE = 60;

/** Small limits, so that a few dozen requests meet segments, marks and flushes. */
export const CRASH_SETTINGS: Omit<ReplicaSettings, 'walSegmentBytes'> = {
  heartbeatMs: 100,
  electionTicks: 10,
  requestBytesMax: 1_572_864,
  txnOperationsMax: 128,
  quotaBytes: 0,
  backendBatchMs: 20,
  backendBatchRows: 15,
  snapshotEntries: 7,
};

export class Life {
  readonly clock = new SimClock();
  readonly #random: SimRandom;
  readonly #memory: Memory;
  readonly #backend: MortalBackend;
  readonly #disk: SimDisk;
  #kernel: Kernel | undefined;
  #isOver = false;
  #left = OPERATIONS_PER_LIFE;

  constructor(disk: SimDisk, backend: SimBackend, random: SimRandom, memory: Memory) {
    this.#disk = disk;
    this.#backend = new MortalBackend(backend);
    this.#random = random;
    this.#memory = memory;
  }

  /** @throws whatever keeps the member from opening */
  async open(): Promise<Kernel> {
    this.#kernel = await openKernel({
      disk: this.#disk,
      backend: this.#backend,
      clock: this.clock,
      random: this.#random.split('kernel'),
      trace: SILENT,
      settings: { ...CRASH_SETTINGS, walSegmentBytes: 8 * 1024 },
      clusterId: 0xc0n,
      member: { id: 0xa1n, name: 'one', peerUrls: [], clientUrls: [], isLearner: false },
    });
    void this.#kernel.failed.then(() => {
      this.#isOver = true;
    });
    return this.#kernel;
  }

  /** Sends random requests until the power goes, or enough were sent and the power is cut here. */
  async run(): Promise<void> {
    const kernel = this.#kernel as Kernel;
    kernel.store.revisions$.subscribe((batch) => this.#memory.batches.push(batch));
    const clients = Array.from({ length: 1 + this.#random.below(20) }, () => this.#client(kernel));
    let isIdle = false;
    const allDone = Promise.all(clients).then(() => {
      isIdle = true;
    });
    while (!isIdle && !this.#isOver) {
      await this.clock.advance(this.#random.below(15));
      // The other way to go: at a moment of the clients' making, not of the disk's.
      if (this.#random.below(40) === 0) this.#disk.powerOff();
    }
    this.#disk.powerOff();
    // An idle member notices at its next write.
    await kernel.store.put({ key: 'last', value: 'never' }).catch(() => undefined);
    for (let turns = 0; !this.#isOver || !isIdle; turns++) {
      if (turns > 100) throw new Error('the member goes on without its disk');
      await this.clock.advance(50);
    }
    await allDone;
    this.end();
  }

  /** Nothing that this life's member still does reaches the backend. */
  end(): void {
    this.#isOver = true;
    this.#backend.end();
  }

  async #client(kernel: Kernel): Promise<void> {
    while (!this.#isOver && this.#left > 0) {
      this.#left--;
      const roll = this.#random.below(20);
      if (roll < 13) await this.#txn(kernel);
      else if (roll < 16) await this.#range(kernel);
      else if (roll < 19) await this.#lease(kernel);
      else await this.#compact(kernel);
    }
  }

  async #txn(kernel: Kernel, lease = 0n): Promise<boolean> {
    const name = `txn ${this.#memory.txns.length}`;
    const request = randomTxn(this.#random, name, lease, kernel.header().revision);
    const call: TxnCall = { name, request, result: undefined, refused: undefined };
    this.#memory.txns.push(call);
    try {
      call.result = await kernel.store.txn(request);
      return true;
    } catch (error) {
      call.refused = refusal(error);
      return false;
    }
  }

  async #range(kernel: Kernel): Promise<void> {
    const request = randomRange(this.#random);
    try {
      this.#memory.ranges.push({ request, result: await kernel.store.range(request) });
    } catch (error) {
      refusal(error);
    }
  }

  /** A lease from its grant to, mostly, its end; nobody else uses it. */
  async #lease(kernel: Kernel): Promise<void> {
    const id = BigInt(this.#memory.leases.length + 1);
    const call: LeaseCall = { id, granted: false, revoked: undefined };
    this.#memory.leases.push(call);
    try {
      await kernel.store.leases.grant({ id, ttlSeconds: 1_000_000 });
      call.granted = true;
      for (let puts = this.#random.below(4); puts > 0; puts--) {
        if (!(await this.#txn(kernel, id))) return;
      }
      if (this.#random.below(3) === 0) return;
      call.revoked = false;
      await kernel.store.leases.revoke(id);
      call.revoked = true;
    } catch (error) {
      refusal(error);
    }
  }

  async #compact(kernel: Kernel): Promise<void> {
    const revision = Math.max(1, kernel.header().revision - this.#random.below(30));
    this.#memory.compactions.add(revision);
    try {
      await kernel.store.compact({ revision, physical: this.#random.below(2) === 0 });
      this.#memory.compactRevision = Math.max(this.#memory.compactRevision, revision);
    } catch (error) {
      refusal(error);
    }
  }
}

/** The code of a refusal; undefined when the outcome is unknown. Anything else is a bug. */
function refusal(error: unknown): StoreErrorCode | undefined {
  if (!isStoreError(error)) throw error;
  return UNKNOWN.includes(error.code) ? undefined : error.code;
}

/** The backend as one process has it open: when the process is gone, so are its calls. */
class MortalBackend implements Backend {
  readonly #inner: SimBackend;
  #isAlive = true;

  constructor(inner: SimBackend) {
    this.#inner = inner;
  }

  end(): void {
    this.#isAlive = false;
  }

  get: Backend['get'] = (...call) => this.#living.get(...call);
  range: Backend['range'] = (...call) => this.#living.range(...call);
  scan: NonNullable<Backend['scan']> = (...call) => this.#living.scan(...call);
  count: Backend['count'] = (...call) => this.#living.count(...call);
  size: Backend['size'] = () => this.#living.size();
  view: Backend['view'] = () => this.#living.view();
  defragment: Backend['defragment'] = () => this.#living.defragment();
  replace: Backend['replace'] = (rows) =>
    this.#isAlive ? this.#inner.replace(rows) : new Promise<never>(() => {});

  commit(writes: readonly BackendWrite[]): Promise<void> {
    return this.#isAlive ? this.#inner.commit(writes) : new Promise<never>(() => {});
  }

  async close(): Promise<void> {
    if (this.#isAlive) await this.#inner.close();
  }

  get #living(): SimBackend {
    if (!this.#isAlive) throw new Error('a process that is gone used its backend');
    return this.#inner;
  }
}
