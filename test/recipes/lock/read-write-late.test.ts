// Proves that a change from one kind of read/write lock to the other whose request arrives late,
// after it was sent again with success, changes nothing any more.
import assert from 'node:assert/strict';
import { peek } from '../../../src/simulation/model/peek.js';
import { World } from '../../support/world.js';

const isTxn = ({ name }: { readonly name: string }): boolean => name === 'txn';

describe('a late change of a read/write lock', () => {
  it('takes nothing from a writer who had become a reader before', async () => {
    const world = new World();
    const [a, b] = [world.client('a'), world.client('b')];
    const writing = await world.run(a.coord.readWriteLock('index').write());
    a.store.delayRequest(isTxn, 3000);
    const reading = await world.run(writing.downgrade());
    const again = await world.run(reading.tryUpgrade());
    assert.ok(again !== undefined);
    await world.advance(5000);
    again.assertHeld();
    const other = peek(b.coord.readWriteLock('index').read());
    await world.advance(1000);
    assert.equal(other.value, undefined, 'somebody reads while somebody writes');
    const guarded = await world.run(a.coord.txn().if(again).put('guarded', 'x').commit());
    assert.ok(guarded.succeeded);
    await world.run(again.release());
    await world.run(other.promise);
    await world.close();
  });

  it('makes no writer of a reader that was refused', async () => {
    const world = new World();
    const [a, b] = [world.client('a'), world.client('b')];
    const reading = await world.run(a.coord.readWriteLock('index').read());
    const other = await world.run(b.coord.readWriteLock('index').read());
    a.store.delayRequest(isTxn, 3000);
    assert.equal(await world.run(reading.tryUpgrade()), undefined);
    await world.run(other.release());
    await world.advance(5000);
    reading.assertHeld();
    await world.run(b.coord.readWriteLock('index').read({ timeoutMs: 1000 }));
    await world.close();
  });

  it('makes no writer of one who has become a reader again', async () => {
    const world = new World();
    const [a, b] = [world.client('a'), world.client('b')];
    const reading = await world.run(a.coord.readWriteLock('index').read());
    a.store.delayRequest(isTxn, 3000);
    const writing = await world.run(reading.tryUpgrade());
    const again = await world.run((writing ?? assert.fail()).downgrade());
    await world.advance(5000);
    again.assertHeld();
    const other = await world.run(b.coord.readWriteLock('index').read({ timeoutMs: 1000 }));
    await world.run(other.release());
    assert.ok((await world.run(again.tryUpgrade())) !== undefined, 'and it may again');
    await world.close();
  });

  it('is a writer when the answer to the refusal of it was late', async () => {
    const world = new World();
    const [a, b] = [world.client('a'), world.client('b')];
    const reading = await world.run(a.coord.readWriteLock('index').read());
    const other = await world.run(b.coord.readWriteLock('index').read());
    a.store.delayRequest(isTxn, 100);
    const upgrading = peek(reading.tryUpgrade());
    await world.settle();
    // The second try is refused; before what follows it the first arrives, and succeeds.
    a.store.delayRequest(isTxn, 50);
    await world.run(other.release());
    await world.advance(5000);
    const writing = upgrading.value;
    const late = peek(b.coord.readWriteLock('index').read());
    await world.advance(1000);
    assert.equal(late.value === undefined, writing !== undefined);
    await world.close();
  });
});
