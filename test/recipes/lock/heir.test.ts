// Proves that whoever waits right behind a holder of the same process hears of its turn from the
// release itself when the watch that all of them share has failed, and does not take a turn of
// which it knows already that it came too late.
import assert from 'node:assert/strict';
import { merge, type Observable, Subject } from 'rxjs';
import type { HeldLock } from '../../../src/recipes/lock/held-lock.js';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { type RevisionBatch, StoreError, type WatchRequest } from '../../../src/store/index.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

describe('the heir of a lock', () => {
  let world: World;
  let a: Client;
  let held: HeldLock;
  let waiting: Peeked<HeldLock>;
  let broken: Subject<RevisionBatch>;

  /** One holds the lock and another handle of the same client waits right behind it. */
  beforeEach(async () => {
    world = new World();
    a = world.client('a');
    broken = new Subject();
    const watch = a.store.watch.bind(a.store);
    const breakable = (request: WatchRequest): Observable<RevisionBatch> =>
      merge(watch(request), broken);
    Object.assign(a.store, { watch: breakable });
    held = await world.run(a.coord.lock('jobs').acquire());
    waiting = peek(a.coord.lock('jobs').acquire());
    await world.settle();
  });

  afterEach(() => world.close());

  const breakWatches = async (): Promise<void> => {
    const failed = broken;
    broken = new Subject();
    failed.error(new StoreError('Unavailable'));
    await world.settle();
  };

  it('has its turn at once although the watch failed just before', async () => {
    await breakWatches();
    await world.run(held.release());
    await world.settle();
    assert.ok(waiting.value !== undefined, String(waiting.error));
  });

  it('has its turn although the watch fails while the release is under way', async () => {
    a.store.hold();
    const releasing = peek(held.release());
    await world.settle();
    await breakWatches();
    a.store.release();
    await world.settle();
    assert.equal(releasing.error, undefined);
    assert.ok(waiting.value !== undefined, String(waiting.error));
  });

  it('looks after a pause when the watch failed and nobody releases', async () => {
    const [, second] = await world.run(a.coord.lock('jobs').entries());
    assert.ok(second !== undefined);
    await breakWatches();
    await world.run(world.client('b').store.delete({ key: second.key }));
    await world.advance(2000);
    assert.ok(isCoordinationError(waiting.error, 'LockLost'), String(waiting.error));
  });

  it('does not take a turn after the deletion of its own entry, which it has heard of', async () => {
    const [, second] = await world.run(a.coord.lock('jobs').entries());
    assert.ok(second !== undefined);
    a.store.hold();
    const releasing = peek(held.release());
    await world.settle();
    world.server.run(() => ({ gone: world.server.kv.delete({ key: second.key }) }));
    await world.settle();
    a.store.release();
    await world.settle();
    assert.equal(releasing.error, undefined);
    assert.equal(waiting.value, undefined, 'granted after all was lost');
    assert.ok(isCoordinationError(waiting.error, 'LockLost'), String(waiting.error));
  });
});
