// Proves that a failure of the store that passes ends neither a wait nor the watching of what is
// held, also when it is one that etcd alone knows, such as a change of leader while it reads; and
// that one which does not pass leaves a holder watching for the day on which it does.
import assert from 'node:assert/strict';
import { StoreError, type StoreErrorCode } from '../../../src/store/index.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;

/** The next call of that name fails with `code`. */
function failNext({ store }: Client, name: 'range' | 'txn', code: StoreErrorCode): void {
  const call = store[name].bind(store) as (...terms: unknown[]) => Promise<never>;
  let isNext = true;
  Object.assign(store, {
    [name]: (...terms: unknown[]): Promise<never> => {
      if (!isNext) return call(...terms);
      isNext = false;
      return Promise.reject(new StoreError(code));
    },
  });
}

describe('failures of the store', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  afterEach(() => world.close());

  for (const code of ['LeaderChanged', 'NotForLearner', 'NoLeader'] as const) {
    it(`${code} while somebody waits is tried again`, async () => {
      const held = await world.run(b.coord.lock('jobs').acquire());
      const waiting = peek(a.coord.lock('jobs').acquire());
      await world.settle();
      failNext(a, 'txn', code);
      await world.run(held.release());
      await world.advance(1000);
      assert.equal(waiting.error, undefined);
      waiting.value?.assertHeld();
      assert.ok(waiting.value !== undefined);
    });
  }

  for (const code of ['LeaderChanged', 'PermissionDenied', 'Unauthenticated'] as const) {
    it(`a holder that met ${code} still hears of its loss`, async () => {
      const held = await world.run(a.coord.lock('jobs').acquire());
      failNext(a, 'range', code);
      await world.advance(TTL_MS * 2);
      held.assertHeld();
      await world.run(b.coord.lock('jobs').break({ by: 'ops', reason: 'test' }));
      await world.advance(100);
      assert.equal(held.signal.aborted, true);
    });
  }
});
