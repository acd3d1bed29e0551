// Proves that a member's own watches keep their word when subscribers act from inside their
// callbacks: they open watches, leave, write and compact there, and nobody misses a revision, gets
// one twice, or hears anything after leaving.
import assert from 'node:assert/strict';
import { Subject, takeUntil } from 'rxjs';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { StoreError } from '../../src/store/index.js';
import { openSimKernel, simWorld } from '../support/sim-kernel.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 11);

/** One watcher of the whole store: what it was told, and whether it may still be told anything. */
interface Witness {
  readonly start: number;
  readonly seen: number[];
  /** Ends the subscription, also while it is only being made. */
  readonly goodbye$: Subject<void>;
  hasLeft: boolean;
  /** The code of its error. */
  end: string | undefined;
}

class Crowd {
  readonly witnesses: Witness[] = [];
  readonly #random = new SimRandom(SEED);
  readonly #store: Awaited<ReturnType<typeof openSimKernel>>['store'];
  readonly #pending: Promise<unknown>[] = [];
  #actsLeft = 400;

  constructor(kernel: Awaited<ReturnType<typeof openSimKernel>>) {
    this.#store = kernel.store;
  }

  open(start: number): void {
    const witness: Witness = {
      start,
      seen: [],
      goodbye$: new Subject<void>(),
      hasLeft: false,
      end: undefined,
    };
    this.witnesses.push(witness);
    const request = { key: '\0', rangeEnd: '\0', startRevision: start };
    const watch$ = this.#store.watch(request).pipe(takeUntil(witness.goodbye$));
    watch$.subscribe({
      next: ({ revision }) => {
        assert.equal(witness.hasLeft, false, `told after leaving, seed ${SEED}`);
        witness.seen.push(revision);
        this.act(witness, revision);
      },
      error: (error: unknown) => {
        assert.ok(error instanceof StoreError);
        witness.end = error.code;
      },
    });
  }

  /** Does something from inside a callback. */
  act(self: Witness, revision: number): void {
    if (this.#actsLeft-- <= 0) return;
    const choice = this.#random.below(12);
    if (choice < 4) this.write();
    else if (choice < 6) this.open(1 + this.#random.below(revision + 3));
    else if (choice === 6) this.leave(self);
    else if (choice === 7) {
      this.leave(this.witnesses[this.#random.below(this.witnesses.length)] as Witness);
    } else if (choice === 8) {
      const compaction = this.#store.compact({ revision: Math.max(1, revision - 5) });
      this.#pending.push(compaction.catch(() => undefined));
    }
  }

  write(): void {
    this.#pending.push(this.#store.put({ key: `k${this.#random.below(5)}`, value: '' }));
  }

  leave(witness: Witness): void {
    // Somebody has to stay.
    if (witness === this.witnesses[0]) return;
    witness.hasLeft = true;
    witness.goodbye$.next();
  }

  async settle(): Promise<void> {
    while (this.#pending.length > 0) await Promise.all(this.#pending.splice(0));
  }
}

describe('watches of a member in its own process', () => {
  it('miss nothing and repeat nothing whatever subscribers do in their callbacks', async () => {
    const world = simWorld(SEED);
    const kernel = await openSimKernel(world);
    const crowd = new Crowd(kernel);
    for (const start of [1, 2, 5, 40]) crowd.open(start);
    for (let round = 0; round < 60; round++) {
      crowd.write();
      if (round % 3 === 0) await crowd.settle();
      if (round % 5 === 0) await world.clock.advance(30);
    }
    await crowd.settle();
    await world.clock.advance(1000);
    const last = kernel.header().revision;
    let complete = 0;
    for (const { start, seen, hasLeft, end } of crowd.witnesses) {
      const first = Math.max(start, 2);
      assert.deepEqual(
        seen,
        Array.from(seen, (_, at) => first + at),
        `seed ${SEED}`,
      );
      assert.ok(end === undefined || end === 'Compacted', `${end}, seed ${SEED}`);
      if (hasLeft || end !== undefined || start > last) continue;
      assert.equal(seen.at(-1), last, `seed ${SEED}, a watch from ${start}`);
      complete++;
    }
    assert.ok(complete > 0 && crowd.witnesses.length > 10, `seed ${SEED}`);
    await kernel.close();
    for (const { hasLeft, end } of crowd.witnesses) assert.ok(hasLeft || end !== undefined);
    assert.equal(world.clock.timerCount, 0);
  });

  it('call nobody before it holds its subscription', async () => {
    const { store } = await openSimKernel(simWorld(1));
    await store.put({ key: 'a', value: '1' });
    await store.put({ key: 'a', value: '2' });
    const seen: number[] = [];
    await new Promise<void>((resolve) => {
      const subscription = store.watch({ key: 'a', startRevision: 2 }).subscribe(({ revision }) => {
        seen.push(revision);
        subscription.unsubscribe();
        resolve();
      });
    });
    assert.deepEqual(seen, [2]);
    await store.close();
  });
});
