// Proves that a limit which shrinks while waiters act on old counts is never exceeded by a grant:
// in 10,000 random interleavings of the two halves of a grant with everything else that happens to
// a semaphore. The same runs with the grant rule broken in the ways that suggest themselves do
// exceed it, so they would have found such a bug. A failing run names its seed.
import assert from 'node:assert/strict';
import { semaphoreKeys } from '../../../src/recipes/semaphore/semaphore-layout.js';
import {
  decodeEntries,
  encodeLimit,
  grantRequest,
  type GrantTerms,
  nextToGrant,
  type PermitCount,
  type PermitEntry,
  type SemaphoreOrder,
  toCount,
  weightOf,
} from '../../../src/recipes/semaphore/semaphore-state.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { prefix, type TxnRequest } from '../../../src/store/index.js';
import { inCi } from '../../support/in-ci.js';
import { ModelKv } from '../../../src/simulation/model/model-kv.js';
import { testSeed } from '../../support/world.js';

const RUNS = inCi ? 10_000 : 1000;
const STEPS = 28;
const LEASE = 1n;
const KEYS = semaphoreKeys('s');

/** What a waiter read, at whatever time that was. */
interface Reading {
  readonly count: PermitCount;
  readonly line: readonly PermitEntry[];
}

type Change = (request: TxnRequest) => TxnRequest;

/** One semaphore, and those who read it and act on it much later. */
class Run {
  readonly #kv = new ModelKv(() => true);
  readonly #random: SimRandom;
  readonly #change: Change;
  readonly #readings: (Reading | undefined)[] = [undefined, undefined, undefined];
  /** What is true, kept beside the store: weights by key, and the limit. */
  readonly #held = new Map<string, number>();
  #limit = 0;
  #entries = 0;
  grants = 0;
  conflicts = 0;
  shrunk = 0;
  exceeded = false;

  constructor(seed: number, change: Change) {
    this.#random = new SimRandom(seed);
    this.#change = change;
    this.#setLimit();
  }

  go(): void {
    for (let step = 0; step < STEPS; step++) this.#step();
  }

  #step(): void {
    const reader = this.#random.below(this.#readings.length);
    const reading = this.#readings[reader];
    const dice = this.#random.below(12);
    if (dice < 2) this.#enter();
    else if (dice < 4) this.#setLimit();
    else if (dice < 5) this.#release();
    else if (reading === undefined) this.#readings[reader] = this.#read();
    else {
      this.#readings[reader] = undefined;
      if (this.#random.below(5) === 0) this.#passBy(reading);
      else this.#grant(reading);
    }
  }

  #read(): Reading {
    const keys = [{ key: KEYS.limit }, { key: KEYS.epoch }, prefix(KEYS.held), prefix(KEYS.line)];
    const found = keys.map((range) => this.#kv.range(range).kvs);
    return { count: toCount(this.#kv.revision, found), line: decodeEntries(found[3] ?? []) };
  }

  #enter(): void {
    const value = JSON.stringify({ weight: 1 + this.#random.below(3) });
    this.#kv.put({ key: `${KEYS.line}${this.#entries++}`, value, lease: LEASE });
  }

  #setLimit(): void {
    const order: SemaphoreOrder = this.#random.below(2) === 0 ? 'fifo' : 'firstFit';
    const limit = this.#random.below(6);
    if (limit < this.#limit) this.shrunk += 1;
    this.#limit = limit;
    this.#kv.put({ key: KEYS.limit, value: encodeLimit({ limit, order }) });
  }

  #release(): void {
    const key = [...this.#held.keys()][this.#random.below(this.#held.size + 1)];
    if (key === undefined) return;
    this.#held.delete(key);
    this.#kv.delete({ key });
  }

  /** A grant to whoever was next when it was read. */
  #grant({ count, line }: Reading): void {
    const next = nextToGrant(count, line);
    if (next === undefined) return;
    this.#send(count, next.id, next.weight, next.createRevision);
  }

  /** A grant to somebody who never stood in line. */
  #passBy({ count }: Reading): void {
    const free = (count.limit?.limit ?? 0) - weightOf(count.held);
    if (free < 1) return;
    const place = count.limit?.order === 'firstFit' ? 'past' : 'alone';
    this.#send(count, `${this.#entries++}`, 1, place);
  }

  #send(count: PermitCount, id: string, weight: number, place: GrantTerms['place']): void {
    const value = JSON.stringify({ weight });
    const request = grantRequest(KEYS, count, { id, lease: LEASE, value, place });
    const { succeeded } = this.#kv.txn(this.#change(request));
    if (!succeeded) {
      this.conflicts += 1;
      return;
    }
    this.grants += 1;
    this.#held.set(KEYS.held + id, weight);
    const sum = [...this.#held.values()].reduce((all, one) => all + one, 0);
    this.exceeded ||= sum > this.#limit;
  }
}

/** The grant without the comparison of one key. */
function without(key: string): Change {
  return (request) => ({
    ...request,
    compare: (request.compare ?? []).filter((compare) => compare.key !== key),
  });
}

function runAll(runs: number, change: Change): { exceeded: number[]; all: Run[] } {
  const base = testSeed();
  const exceeded: number[] = [];
  const all: Run[] = [];
  for (let i = 0; i < runs; i++) {
    const run = new Run(base + i, change);
    run.go();
    all.push(run);
    if (run.exceeded) exceeded.push(base + i);
  }
  return { exceeded, all };
}

describe('a semaphore whose limit shrinks under stale readers', function () {
  this.timeout(60_000);

  it(`admits nobody beyond the limit in ${RUNS} random runs`, () => {
    const { exceeded, all } = runAll(RUNS, (request) => request);
    assert.deepEqual(exceeded.slice(0, 5), [], 'seeds of runs over the limit (TIDELOCK_SEED)');
    const sum = (of: (run: Run) => number): number => all.reduce((n, run) => n + of(run), 0);
    const counted = [sum((r) => r.grants), sum((r) => r.conflicts), sum((r) => r.shrunk)];
    assert.ok(
      counted.every((n) => n > RUNS),
      `${counted.join(' ')} grants, conflicts, shrunk`,
    );
  });

  it('would be exceeded if a grant did not look at the limit, or not at other grants', () => {
    for (const key of [KEYS.limit, KEYS.epoch]) {
      const { exceeded } = runAll(300, without(key));
      assert.ok(exceeded.length > 3, `${exceeded.length} of 300 runs without ${key}`);
    }
  });
});
