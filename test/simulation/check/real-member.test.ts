// Proves that the checkers do not cry wolf: the history of a real member with one voter, under
// overlapping calls, lost answers, expiring leases, compaction and watches, passes as it is.
import assert from 'node:assert/strict';
import { checkHistory } from '../../../src/simulation/check/check-history.js';
import type {
  Call,
  Operation,
  Outcome,
  WatchNote,
  WatchRecord,
} from '../../../src/simulation/check/history.js';
import { performCall } from '../../../src/simulation/clients/perform-call.js';
import type { SimClock } from '../../../src/simulation/sim-clock.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import {
  allKeys,
  isStoreError,
  type RevisionBatch,
  type Store,
  type StoreErrorCode,
  type WatchRequest,
} from '../../../src/store/index.js';
import { openSimKernel, simWorld } from '../../support/sim-kernel.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 11);
const CALLS = 600;
/** Codes that leave open whether a write happened. */
const OPEN: readonly StoreErrorCode[] = ['Timeout', 'Stopped', 'Unavailable', 'Canceled'];

async function outcomeOf(store: Store, call: Call): Promise<Outcome> {
  try {
    return { kind: 'answered', answer: await performCall(store, call) };
  } catch (error) {
    if (!isStoreError(error)) throw error;
    if (OPEN.includes(error.code)) return { kind: 'unknown' };
    return { kind: 'refused', code: error.code, compactRevision: error.compactRevision };
  }
}

class Recorder {
  readonly operations: Operation[] = [];
  readonly #store: Store;
  readonly #clock: SimClock;
  readonly #random: SimRandom;
  revision = 1;
  readonly #granted: bigint[] = [];

  constructor(store: Store, clock: SimClock, random: SimRandom) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
  }

  async call(id: number): Promise<void> {
    const call = this.#make(id);
    const invokedMs = this.#clock.monotonic();
    const outcome = await outcomeOf(this.#store, call);
    if (outcome.kind === 'answered') {
      this.revision = Math.max(this.revision, outcome.answer.result.header.revision);
    }
    this.operations.push({
      id,
      client: id % 5,
      member: 'one',
      call,
      invokedMs,
      returnedMs: this.#clock.monotonic(),
      outcome: this.#random.below(12) === 0 ? { kind: 'unknown' } : outcome,
    });
  }

  #make(id: number): Call {
    const random = this.#random;
    const key = `k${random.below(6)}`;
    const value = `v${id}`;
    const recent = this.#granted.slice(-4);
    const lease = recent[random.below(4)] ?? 1n;
    const past = Math.max(1, this.revision - random.below(20));
    switch (random.below(14)) {
      case 0:
        return { kind: 'delete', request: { key, rangeEnd: 'k9', prevKv: true } };
      case 1:
        this.#granted.push(BigInt(100 + id));
        return { kind: 'leaseGrant', request: { id: BigInt(100 + id), ttlSeconds: 2 } };
      case 2:
        return { kind: 'leaseKeepAlive', id: lease };
      case 3:
        return { kind: 'leaseTimeToLive', request: { id: lease } };
      case 4:
        if (random.below(6) === 0) return { kind: 'leaseRevoke', id: lease };
        return { kind: 'leaseList' };
      case 5:
      case 6:
        return { kind: 'put', request: { key: `l${random.below(9)}`, value, lease } };
      case 7:
        if (random.below(4) === 0) return { kind: 'compact', request: { revision: past } };
        return { kind: 'range', request: { key, rangeEnd: 'k9', revision: past } };
      case 8:
        return { kind: 'range', request: { key, rangeEnd: 'z', serializable: true } };
      case 9: {
        const compare = [{ key, target: 'version', operator: '>', operand: 1 } as const];
        const success = [
          { kind: 'put', key: 'x', value } as const,
          { kind: 'delete', key } as const,
        ];
        return { kind: 'txn', request: { compare, success, failure: [{ kind: 'range', key }] } };
      }
      case 10:
        return { kind: 'range', request: { key, rangeEnd: 'z', sortOrder: 'descend', limit: 2 } };
      case 11:
        return { kind: 'put', request: { key, ignoreValue: true, prevKv: true } };
      default:
        return { kind: 'put', request: { key, value, prevKv: true } };
    }
  }
}

function watch(store: Store, clock: SimClock, id: number, request: WatchRequest): WatchRecord {
  const notes: WatchNote[] = [];
  const openedMs = clock.monotonic();
  store.watch(request).subscribe({
    next: (batch) => notes.push({ kind: 'batch', atMs: clock.monotonic(), batch }),
    error: (error: unknown) => {
      if (!isStoreError(error)) throw error;
      const { code, compactRevision } = error;
      // The member closes after the end of the history.
      if (code !== 'Stopped') {
        notes.push({ kind: 'error', atMs: clock.monotonic(), code, compactRevision });
      }
    },
  });
  return { id, client: 90 + id, request, openedMs, closedMs: undefined, notes };
}

describe(`a real member (TIDELOCK_SEED=${SEED})`, () => {
  for (let seed = SEED; seed < SEED + 3; seed++) {
    it(`has a history that passes, seed ${seed}`, async () => {
      const world = simWorld(seed);
      const { clock } = world;
      const random = new SimRandom(seed).split('calls');
      const opening = openSimKernel(world);
      await clock.advance(5000);
      const kernel = await opening;
      const { store } = kernel;
      const revisions: RevisionBatch[] = [];
      const revisionsAtMs: number[] = [];
      store.revisions$.subscribe((batch) => {
        revisions.push(batch);
        revisionsAtMs.push(clock.monotonic());
      });
      const watches = [
        watch(store, clock, 0, { ...allKeys(), startRevision: 2, prevKv: true }),
        watch(store, clock, 1, { key: 'k3' }),
      ];
      const recorder = new Recorder(store, clock, random);
      const calls: Promise<void>[] = [];
      for (let id = 0; id < CALLS; id++) {
        calls.push(recorder.call(id));
        if (random.below(3) === 0) await clock.advance(random.below(60));
        if (id === CALLS / 2) {
          const startRevision = Math.max(1, recorder.revision - 40);
          watches.push(
            watch(store, clock, 2, { key: 'k', rangeEnd: 'm', startRevision, noPut: true }),
          );
        }
      }
      await clock.advance(10_000);
      await Promise.all(calls);
      const endMs = clock.monotonic();
      const operations = recorder.operations.toSorted((a, b) => a.id - b.id);
      const history = { operations, watches, revisions, revisionsAtMs, endMs };
      const violations = checkHistory(history, {
        leaseSlackMs: 2000,
        tail: { healedMs: 0, boundMs: 2000 },
      });
      assert.deepEqual(violations, [], `TIDELOCK_SEED=${seed}`);
      const expired = operations.filter(({ call }) => call.kind === 'leaseTimeToLive').length;
      assert.ok(revisions.length > CALLS / 5 && expired > 5, 'too little happened');
      const closing = store.close();
      await clock.advance(1000);
      await closing;
    });
  }
});
