// Proves that a transaction begun at what is held carries its condition without being told: it
// happens while the hold exists, and not once the hold is another's, however it was lost.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import type { GuardedTxn } from '../../../src/recipes/compose/guarded-txn.js';
import { prefix } from '../../../src/store/index.js';
import { type Client, World } from '../../support/world.js';

interface Holding {
  readonly txn: () => GuardedTxn;
  readonly name: string;
}

const HOLDS: readonly (readonly [string, (client: Client) => Promise<Holding>])[] = [
  [
    'a lock',
    ({ coord }) =>
      coord
        .lock('a')
        .acquire()
        .then((held) => ({ name: 'a', txn: () => held.txn() })),
  ],
  [
    'a reader',
    ({ coord }) =>
      coord
        .readWriteLock('b')
        .read()
        .then((held) => ({ name: 'b', txn: () => held.txn() })),
  ],
  [
    'a set',
    ({ coord }) =>
      coord
        .locks(['c', 'd'])
        .acquire()
        .then((held) => ({ name: 'd', txn: () => held.txn() })),
  ],
  [
    'a leadership',
    ({ coord }) =>
      coord
        .election('e')
        .campaign()
        .then((led) => ({ name: 'e', txn: () => led.txn() })),
  ],
];

describe('Transactions of a hold', () => {
  for (const [title, take] of HOLDS) {
    it(`happen while it lasts, and no more when it is gone: ${title}`, async () => {
      const world = new World();
      const client = world.client('a');
      const other = world.client('b');
      const holding = await world.run(take(client));
      await world.run(holding.txn().put('seen', '1').commitOrThrow());
      assert.deepEqual(world.keys('seen'), ['seen']);
      // By hand, so that nobody has heard of it when the transaction is sent.
      await world.run(other.store.delete(prefix(`${holding.name}/`)));
      const late = holding.txn().put('late', '1');
      await assert.rejects(world.run(late.commitOrThrow()), (error) =>
        isCoordinationError(error, 'LockLost'),
      );
      assert.deepEqual(world.keys('late'), []);
    });
  }

  it('take more conditions', async () => {
    const world = new World();
    const { coord } = world.client('a');
    const held = await world.run(coord.lock('a').acquire());
    const absent = { key: 'seen', target: 'create', operator: '=', operand: 0 } as const;
    assert.ok((await world.run(held.txn().if(absent).put('seen', '1').commit())).succeeded);
    assert.ok(!(await world.run(held.txn().if(absent).put('seen', '2').commit())).succeeded);
  });
});
