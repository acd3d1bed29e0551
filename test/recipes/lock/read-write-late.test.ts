// Proves that a change from one kind of read/write lock to the other whose request arrives late,
// after it was sent again with success, changes nothing any more.
import assert from 'node:assert/strict';
import { peek } from '../../support/peek.js';
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
});
