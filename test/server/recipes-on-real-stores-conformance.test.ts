// Proves that what has one owner at a time keeps its promises in real time too: a short form of
// the conformance suite, with what can be done to a real store. An owner whose lease is revoked or
// whose key is deleted hears of it and the next one owns; history is compacted below a waiter; a
// client is closed while it waits and leaves nothing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { isCoordinationError } from '../../src/recipes/index.js';
import { prefix, type Store, toText } from '../../src/store/index.js';
import { type Contender, CONTENDERS, type Rival } from '../recipes/conformance/contender.js';
import { inCi } from '../support/in-ci.js';
import type { OwnedThing } from '../../src/simulation/conformance/sole-owner.js';
import { peek } from '../../src/simulation/model/peek.js';
import { moment, overEveryStore, type Rivals } from './support/recipe-places.js';
import { until } from './support/until.js';

/** Where tests have to be short. */
const FEW: readonly string[] = ['lock', 'election', 'semaphore of one'];

const all = inCi ? CONTENDERS : CONTENDERS.filter(({ name }) => FEW.includes(name));

overEveryStore('conformance', (rivals) => {
  for (const contender of all) {
    it(`${contender.name}: one owner, whatever is taken away from whom`, async () => {
      const contest = new Contest(contender, rivals());
      await contest.begin();
      await contest.handOver();
      await contest.takeAway('the lease');
      await contest.takeAway('the key');
      await contest.compactBelowWaiter();
      await contest.closeWaiter();
      await contest.end();
    });
  }
});

class Contest {
  readonly #contender: Contender;
  readonly #rivals: Rivals;
  readonly #store: Store;
  readonly #a: Rival;
  readonly #b: Rival;

  constructor(contender: Contender, rivals: Rivals) {
    this.#contender = contender;
    this.#rivals = rivals;
    this.#store = rivals.store;
    this.#a = { name: 'a', coord: rivals.a };
    this.#b = { name: 'b', coord: rivals.b };
  }

  async begin(): Promise<void> {
    await this.#store.delete(prefix('thing'));
    await this.#contender.prepare?.(this.#a);
  }

  async end(): Promise<void> {
    await until('nothing is left', async () => (await this.#ownKeys()).size === 0);
  }

  async handOver(): Promise<void> {
    const held = await this.#contender.take(this.#a);
    const waiting = await this.#wait(this.#b);
    assert.equal(waiting.value, undefined, 'two owners');
    held.assertHeld();
    await held.release();
    const next = await waiting.promise;
    next.assertHeld();
    assert.ok(held.signal.aborted);
    if (held.fence !== undefined) assert.ok((next.fence ?? 0) > held.fence);
    await next.release();
  }

  /** From the owner, which hears of it, and which the next one does not wait for. */
  async takeAway(what: 'the lease' | 'the key'): Promise<void> {
    const held = await this.#contender.take(this.#a);
    const mine = await this.#ownKeys();
    const lost = once(held.signal, 'abort');
    const waiting = await this.#wait(this.#b);
    assert.equal(waiting.value, undefined, 'two owners');
    if (what === 'the lease') {
      for (const lease of new Set(mine.values())) await this.#store.leases.revoke(lease);
    } else
      await this.#store.txn({ success: [...mine.keys()].map((key) => ({ kind: 'delete', key })) });
    await lost;
    assert.throws(() => held.assertHeld());
    const next = await waiting.promise;
    next.assertHeld();
    await assert.rejects(held.release(), (error) => isCoordinationError(error));
    next.assertHeld();
    await next.release();
  }

  async compactBelowWaiter(): Promise<void> {
    const held = await this.#contender.take(this.#a);
    const waiting = await this.#wait(this.#b);
    for (let n = 0; n < 3; n++) await this.#store.put({ key: 'noise', value: String(n) });
    const { header } = await this.#store.put({ key: 'noise' });
    await this.#store.compact({ revision: header.revision });
    assert.equal(waiting.value, undefined, 'two owners');
    await held.release();
    await (await waiting.promise).release();
  }

  async closeWaiter(): Promise<void> {
    const held = await this.#contender.take(this.#a);
    const before = [...(await this.#ownKeys()).keys()];
    const coord = this.#rivals.another('c');
    const waiting = await this.#wait({ name: 'c', coord });
    await coord.close();
    await assert.rejects(waiting.promise, (error) => isCoordinationError(error));
    assert.deepEqual([...(await this.#ownKeys()).keys()], before);
    held.assertHeld();
    await held.release();
  }

  async #wait(rival: Rival): Promise<ReturnType<typeof peek<OwnedThing>>> {
    const waiting = peek(this.#contender.take(rival));
    await moment();
    return waiting;
  }

  /** The keys of owners and waiters, with their leases. */
  async #ownKeys(): Promise<ReadonlyMap<string, bigint>> {
    const { kvs } = await this.#store.range(prefix('thing'));
    const leases = new Map(kvs.map(({ key, lease }) => [toText(key), lease]));
    const own = this.#contender.ownKeys([...leases.keys()]);
    return new Map(own.map((key) => [key, leases.get(key) ?? 0n]));
  }
}
