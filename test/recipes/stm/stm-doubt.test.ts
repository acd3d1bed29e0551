// Proves that a transaction says exactly when it cannot know whether it took effect: a refusal or
// an end of patience after a try without an answer is no proof of anything; and that one which says
// that it did not take effect never will, whatever comes late and finds what it has read once more.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { Transaction } from '../../../src/recipes/stm/transaction.js';
import { prefix, StoreError, toText } from '../../../src/store/index.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('stm in doubt', () => {
  let world: World;
  let a: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
  });

  afterEach(() => world.close());

  const isTxn = ({ name }: { readonly name: string }): boolean => name === 'txn';
  const value = (key: string): string | undefined => {
    const { kvs } = world.server.kv.range({ key });
    return kvs[0] && toText(kvs[0].value);
  };

  it('a refusal after a lost answer is no proof that nothing happened', async () => {
    await world.run(a.coord.stm((tx) => tx.put('k', 'warm')));
    const refuse = (): void => {
      Object.assign(a.store, { txn: () => Promise.reject(new StoreError('NoSpace')) });
    };
    refuse();
    const refused = peek(a.coord.stm((tx) => tx.put('k', 'refused')));
    await world.advance(1000);
    assert.ok(is('StoreRefused')(refused.error), String(refused.error));
    Reflect.deleteProperty(a.store, 'txn');
    a.store.loseResponse(isTxn);
    const unsure = peek(a.coord.stm((tx) => tx.put('k', 'unsure')));
    await world.advance(1);
    refuse();
    await world.advance(1000);
    assert.ok(is('Unavailable')(unsure.error), String(unsure.error));
    assert.match(String(unsure.error), /NoSpace.*not known whether the transaction took effect$/);
    assert.equal(value('k'), 'unsure');
  });

  it('says so when it gives up while the commit is under way, and not before', async () => {
    const late = /not known whether the transaction took effect$/;
    a.store.partition('hang');
    const early = peek(a.coord.stm((tx) => tx.get('k'), { timeoutMs: 10 }));
    await world.advance(20);
    a.store.heal();
    assert.ok(is('Timeout')(early.error) && !late.test(String(early.error)));
    await world.run(a.coord.stm((tx) => tx.put('k', 'warm')));
    a.store.loseResponse(isTxn);
    const given = peek(a.coord.stm((tx) => tx.put('k', 'late'), { timeoutMs: 10 }));
    await world.advance(20);
    assert.ok(is('Timeout')(given.error) && late.test(String(given.error)));
    await world.advance(1000);
    assert.equal(value('k'), 'late');
  });

  describe('whose first request arrives after it was overtaken', () => {
    const put = (key: string): void => {
      world.server.run(() => ({ kv: world.server.kv.put({ key, value: 'x' }) }));
    };
    const remove = (key: string): void => {
      world.server.run(() => ({ gone: world.server.kv.delete({ key }) }));
    };
    /** What the first try has read changes, and is as it was when the late request arrives. */
    const overtaken = async (tx: Transaction): Promise<void> => {
      await tx.get('flicker');
      await tx.range(prefix('flickers/'));
      put('flicker');
      put('flickers/1');
      tx.put('k', 'late');
    };
    const arriveLate = async (): Promise<void> => {
      remove('flicker');
      remove('flickers/1');
      await world.advance(1000);
    };

    beforeEach(async () => {
      await world.run(a.coord.stm((tx) => tx.put('k', 'warm')));
      a.store.delayRequest(isTxn, 500);
    });

    it('has not taken effect when it ends with a conflict', async () => {
      await assert.rejects(world.run(a.coord.stm(overtaken, { maxRetries: 0 })), is('Conflict'));
      await arriveLate();
      assert.equal(value('k'), 'warm');
      await world.run(a.coord.stm((tx) => tx.put('k', 'next'), { maxRetries: 0 }));
      assert.equal(value('k'), 'next');
    });

    it('nor when its function fails, or has nothing to write any more', async () => {
      let tries = 0;
      const boom = new Error('no');
      const failing = a.coord.stm(async (tx) => {
        tries += 1;
        if (tries > 1) throw boom;
        await overtaken(tx);
      });
      await assert.rejects(world.run(failing), boom);
      await arriveLate();
      assert.equal(value('k'), 'warm');
      a.store.delayRequest(isTxn, 500);
      tries = 0;
      const reading = a.coord.stm(async (tx) => {
        tries += 1;
        return tries > 1 ? await tx.getText('k') : await overtaken(tx);
      });
      assert.equal(await world.run(reading), 'warm');
      await arriveLate();
      assert.equal(value('k'), 'warm');
    });

    it('nor when the answer that it was overtaken is lost as well', async () => {
      const ended = peek(a.coord.stm(overtaken, { maxRetries: 0 }));
      await world.settle();
      a.store.loseResponse(isTxn);
      await world.advance(400);
      assert.ok(is('Conflict')(ended.error), String(ended.error));
      await arriveLate();
      assert.equal(value('k'), 'warm');
    });

    it('takes effect once when it runs again', async () => {
      let tries = 0;
      const again = a.coord.stm(async (tx) => {
        tries += 1;
        if (tries === 1) return await overtaken(tx);
        tx.put('k', `try ${tries}`);
      });
      await world.run(again);
      await arriveLate();
      assert.deepEqual([tries, value('k')], [2, 'try 2']);
    });
  });

  it('writes nothing for a conflict that was answered', async () => {
    const work = a.coord.stm(
      async (tx) => {
        await tx.get('k');
        world.server.run(() => ({ kv: world.server.kv.put({ key: 'k', value: 'theirs' }) }));
        tx.put('k', 'mine');
      },
      { maxRetries: 3 },
    );
    const before = world.server.kv.revision;
    await assert.rejects(world.run(work), is('Conflict'));
    assert.equal(world.server.kv.revision, before + 4);
    assert.deepEqual(world.keys('stm/'), []);
  });
});
