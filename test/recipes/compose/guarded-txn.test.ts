// Proves that guards of several recipes make one transaction that happens only while all of them
// hold, and that a refusal names the guard that did not.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { prefix, toText } from '../../../src/store/index.js';
import { type Client, World } from '../../support/world.js';

const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('a guarded transaction', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  it('happens while everything holds that it names, and not after', async () => {
    const held = await world.run(a.coord.lock('jobs').acquire());
    const writer = await world.run(a.coord.readWriteLock('index').write());
    const leadership = await world.run(a.coord.election('job').campaign());
    const commit = (): Promise<boolean> =>
      world
        .run(b.coord.txn().if(held, writer, leadership.guard()).put('k', 'v').commit())
        .then((result) => result.succeeded);
    assert.ok(await commit());
    const reader = await world.run(writer.downgrade());
    assert.equal(await commit(), false, 'the writer became a reader');
    const other = b.coord.txn().if(held, reader, leadership.guard()).put('k', 'w');
    assert.ok((await world.run(other.commit())).succeeded);
    await world.run(leadership.resign());
    assert.equal((await world.run(other.commit())).succeeded, false);
  });

  it('names the guard that does not hold', async () => {
    const held = await world.run(a.coord.lock('jobs').acquire());
    const gone = await world.run(a.coord.lock('other').acquire());
    await world.run(gone.release());
    const txn = b.coord.txn().if(held, gone).put('k', 'v');
    const result = await world.run(txn.commit());
    assert.ok(!result.succeeded);
    assert.deepEqual(
      result.failed.map(({ key, loss }) => [key, loss.kind]),
      [[gone.key, 'deleted']],
    );
    await assert.rejects(world.run(txn.commitOrThrow()), (error) => {
      assert.ok(isCoordinationError(error, 'LockLost'));
      assert.deepEqual(error.loss, { kind: 'deleted', key: gone.key });
      return error.message.includes(gone.key);
    });
    assert.deepEqual(world.keys('k'), []);
  });

  it('judges every kind of comparison as the store does, also of ranges', async () => {
    await world.run(a.store.put({ key: 'p/1', value: 'one' }));
    await world.run(a.store.put({ key: 'p/2', value: 'two' }));
    const { revision } = world.server.kv;
    const cases = [
      [{ key: 'p/1', target: 'value', operator: '=', operand: 'one' }, true],
      [{ key: 'p/1', target: 'value', operator: '>', operand: 'one' }, false],
      [{ key: 'p/0', target: 'value', operator: '!=', operand: 'x' }, false],
      [{ key: 'p/0', target: 'create', operator: '=', operand: 0 }, true],
      [{ ...prefix('p/'), target: 'mod', operator: '<', operand: revision }, false],
      [{ ...prefix('p/'), target: 'mod', operator: '<', operand: revision + 1 }, true],
      [{ ...prefix('p/'), target: 'create', operator: '=', operand: 0 }, false],
      [{ key: 'p/1', target: 'version', operator: '>', operand: 1 }, false],
      [{ key: 'p/1', target: 'lease', operator: '=', operand: 0n }, true],
    ] as const;
    for (const [compare, expected] of cases) {
      const result = await world.run(b.coord.txn().if(compare).commit());
      const what = String([compare.key, compare.target, compare.operator]);
      assert.equal(result.succeeded, expected, what);
      if (!result.succeeded) assert.deepEqual(result.failed[0]?.compare, compare, what);
    }
  });

  it('reads, writes and deletes in order, in one revision', async () => {
    await world.run(a.store.put({ key: 'old', value: 'x' }));
    const result = await world.run(
      a.coord.txn().put('new', 'y').delete('old').get('new').get('old').commitOrThrow(),
    );
    assert.equal(result.revision, world.server.kv.revision);
    const texts = result.found.map((kvs) => kvs.map((kv) => toText(kv.value)));
    assert.deepEqual(texts, [['y'], []]);
  });

  it('refuses more than a transaction takes, before anything is sent', async () => {
    const compare = { key: 'k', target: 'create', operator: '=', operand: 0 } as const;
    const txn = a.coord.txn();
    for (let i = 0; i < 128; i++) txn.if({ ...compare, key: `k${i}` });
    assert.ok((await world.run(txn.commit())).succeeded);
    const calls = a.store.calls.length;
    await assert.rejects(txn.if(compare).commit(), is('InvalidArgument'));
    const many = a.coord.txn();
    for (let i = 0; i < 129; i++) many.put(`k${i}`, 'v');
    await assert.rejects(many.commit(), is('InvalidArgument'));
    assert.equal(a.store.calls.length, calls);
  });

  it('says when it cannot know the outcome, and ends when it is told to', async () => {
    a.store.loseResponse((call) => call.name === 'txn');
    const lost = a.coord.txn().put('k', 'v').commit();
    await assert.rejects(world.run(lost), is('Unavailable'));
    a.store.partition('hang');
    const abort = new AbortController();
    const aborted = peek(a.coord.txn().put('k', 'v').commit({ signal: abort.signal }));
    const late = peek(a.coord.txn().put('k', 'v').commit({ timeoutMs: 100 }));
    await world.settle();
    abort.abort();
    await world.settle();
    assert.ok(is('Aborted')(aborted.error));
    await world.advance(101);
    assert.ok(is('Timeout')(late.error));
  });
});
