// Proves that all who follow entries of one session share one watch, that nobody misses a deletion
// between the moment at which the entry was seen and the one from which it is followed, and that a
// watch that ends tells everybody.
import assert from 'node:assert/strict';
import type { Subscription } from 'rxjs';
import { RecipeContext } from '../../../src/recipes/base/context.js';
import { Ending } from '../../../src/recipes/base/ending.js';
import { Heir } from '../../../src/recipes/base/heir.js';
import { OwnEntries } from '../../../src/recipes/base/own-entries.js';
import { SessionPool } from '../../../src/recipes/base/session-pool.js';
import { TIMING } from '../../../src/recipes/base/timing.js';
import { type Client, World } from '../../support/world.js';

interface Followed {
  readonly subscription: Subscription;
  /** How many events each batch had. */
  readonly told: number[];
  readonly errors: unknown[];
}

describe('entries of one session in one line', () => {
  let world: World;
  let a: Client;
  let entries: OwnEntries;
  let unusedCount: number;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    unusedCount = 0;
    entries = new OwnEntries(a.store, 'q/1-', () => unusedCount++);
  });

  const put = async (key: string): Promise<number> =>
    (await world.run(a.store.put({ key }))).header.revision;
  const remove = async (key: string): Promise<void> => {
    await world.run(a.store.delete({ key }));
    await world.settle();
  };
  const follow = (key: string, revision: number): Followed => {
    const told: number[] = [];
    const errors: unknown[] = [];
    const subscription = entries.deletion(key, revision).subscribe({
      next: ({ events }) => told.push(events.length),
      error: (error) => errors.push(error),
    });
    return { subscription, told, errors };
  };

  it('have one watch, which is there while anybody follows', async () => {
    const revisions = [await put('q/1-a'), await put('q/1-b'), await put('q/1-c')];
    const followed = ['a', 'b', 'c', 'a'].map((id, at) =>
      follow(`q/1-${id}`, revisions[at] ?? revisions[2] ?? 0),
    );
    assert.equal(a.store.watchCount, 1);
    await remove('q/1-a');
    assert.deepEqual(
      followed.map(({ told }) => told.length),
      [1, 0, 0, 1],
    );
    for (const { subscription } of followed) subscription.unsubscribe();
    assert.equal(a.store.watchCount, 0);
    assert.equal(unusedCount, 1);
  });

  it('who follows too late has to look', async () => {
    const seen = await put('q/1-a');
    const other = await put('q/1-b');
    const keeper = follow('q/1-b', other);
    await remove('q/1-a');
    assert.deepEqual(follow('q/1-a', seen).told, [0], 'it was told before');
    assert.deepEqual(follow('q/1-c', seen).told, [0], 'the watch begins after that');
    assert.deepEqual(follow('q/1-c', other).told, []);
    assert.deepEqual(keeper.told, []);
  });

  it('remember no more deletions than a bound, and whoever is older than these has to look', async () => {
    const seen = await put('q/1-a');
    follow('q/1-a', seen);
    for (let n = 0; n <= TIMING.toldDeletionsMax; n++) {
      await put('q/1-b');
      await remove('q/1-b');
      await put(`q/1-${n}`);
      await remove(`q/1-${n}`);
    }
    assert.deepEqual(follow('q/1-c', seen).told, [0]);
    const now = await put('q/1-d');
    assert.deepEqual(follow('q/1-d', now).told, []);
  });

  it('a watch that ends tells everybody, and is opened again for who follows then', async () => {
    const seen = await put('q/1-a');
    const before = [follow('q/1-a', seen), follow('q/1-b', seen)];
    a.store.partition('fail');
    for (let n = 0; n < 3; n++) {
      world.server.run(() => ({ kv: world.server.kv.put({ key: 'noise' }) }));
    }
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
    a.store.heal();
    await world.settle();
    for (const { errors } of before) assert.equal(errors.length, 1);
    assert.equal(unusedCount, 1);
    const now = await put('q/1-c');
    const after = follow('q/1-c', now);
    await remove('q/1-c');
    assert.deepEqual(after.told, [1]);
  });

  it('are in use as long as there is an heir, also when the watch has failed', async () => {
    const terms = { key: 'q/1-b', createRevision: 1, delayPrefix: undefined };
    const forget = entries.addHeir('q/1-a', new Heir(a.store, terms));
    const { subscription } = follow('q/1-a', await put('q/1-a'));
    subscription.unsubscribe();
    assert.deepEqual([a.store.watchCount, unusedCount], [0, 0]);
    assert.ok(entries.heirOf('q/1-a') !== undefined);
    forget();
    assert.equal(unusedCount, 1);
  });

  it('are not forgotten for others of the same name that are not used any more', async () => {
    const closed = new Ending();
    const context = new RecipeContext(a.store, new SessionPool(a.store, {}, closed), 'a', closed);
    const revision = await put('q/1-a');
    const first = context.ownEntries('q/1-');
    first.deletion('q/1-a', revision).subscribe().unsubscribe();
    const second = context.ownEntries('q/1-');
    assert.notEqual(first, second);
    const following = second.deletion('q/1-a', revision).subscribe();
    first.deletion('q/1-a', revision).subscribe().unsubscribe();
    assert.equal(context.followedEntries('q/1-'), second);
    following.unsubscribe();
    assert.equal(context.followedEntries('q/1-'), undefined);
  });
});
