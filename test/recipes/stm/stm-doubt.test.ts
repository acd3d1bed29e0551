// Proves that a transaction says exactly when it cannot know whether it took effect: a refusal or
// an end of patience after a try without an answer is no proof of anything.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import { StoreError, toText } from '../../../src/store/index.js';
import { peek } from '../../support/peek.js';
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
});
