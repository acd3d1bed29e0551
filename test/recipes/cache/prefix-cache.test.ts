// Proves that a cache shows whole revisions of the store and nothing else, in order, that it goes
// on serving while it is cut off or reads anew, and that a writer can wait for its own write. A
// cache that empties itself to read anew, one that waits for a revision which never touches its
// prefix, and one that follows a lost delete for ever fail here.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { CacheChange, CacheSnapshot } from '../../../src/recipes/cache/cache-snapshot.js';
import type { PrefixCache } from '../../../src/recipes/cache/prefix-cache.js';
import { type KeyValue, prefix, toText } from '../../../src/store/index.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, testSeed, World } from '../../support/world.js';

const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);
const tell = (kvs: readonly KeyValue[]): string =>
  kvs.map(({ key, value }) => `${toText(key)}=${toText(value)}`).join(' ');

describe('PrefixCache', () => {
  let world: World;
  let a: Client;
  let cache: PrefixCache;
  let changes: CacheChange[];
  let sizes: number[];

  beforeEach(async () => {
    world = new World();
    a = world.client('a');
    put('r/1', 'one');
    put('r/2', 'two');
    cache = a.coord.cache('r/');
    changes = [];
    sizes = [];
    cache.changes$.subscribe((change) => changes.push(change));
    cache.snapshot$.subscribe(({ size }) => sizes.push(size));
    assert.throws(() => cache.get('r/1'), is('NoValue'));
    await world.run(cache.ready());
  });

  const put = (key: string, value: string): number => {
    const answer = world.server.run(() => ({ kv: world.server.kv.put({ key, value }) }));
    return answer.header.revision;
  };
  const remove = (key: string): number => {
    const answer = world.server.run(() => ({ gone: world.server.kv.delete({ key }) }));
    return answer.header.revision;
  };
  const compact = (): void => {
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
  };

  it('answers from memory, at a revision, by one watch', async () => {
    put('r/3', 'three');
    await world.settle();
    const calls = a.store.calls.length;
    assert.equal(cache.getText('r/1'), 'one');
    assert.equal(cache.get('r/9'), undefined);
    assert.equal(cache.get('s/1'), undefined);
    assert.equal(tell(cache.entries()), 'r/1=one r/2=two r/3=three');
    assert.equal(tell(cache.range({ key: 'r/2', rangeEnd: 'r/3' })), 'r/2=two');
    assert.equal(tell(cache.range({ key: 'r/3' })), 'r/3=three');
    assert.equal(tell(cache.range(prefix('r/'))), tell(cache.entries()));
    assert.equal(tell(cache.range({ key: 'r/2', rangeEnd: '\0' })), 'r/2=two r/3=three');
    assert.equal(tell(cache.range({ key: 'z', rangeEnd: 'a' })), '');
    assert.equal(cache.revision, world.server.kv.revision);
    assert.equal(a.store.calls.length, calls);
    assert.equal(a.store.watchCount, 1);
    const { snapshot } = cache;
    put('r/1', 'new');
    await world.settle();
    assert.equal(snapshot.getText('r/1'), 'one');
    assert.equal(cache.getText('r/1'), 'new');
  });

  it('tells what changes', async () => {
    put('r/1', 'new');
    remove('r/2');
    await world.settle();
    assert.deepEqual(
      changes.map(({ puts, deletes }) => [tell(puts), tell(deletes)]),
      [
        ['r/1=one r/2=two', ''],
        ['r/1=new', ''],
        ['', 'r/2=two'],
      ],
    );
  });

  it('a writer waits for its own write, at the cost of no call', async () => {
    const { header } = await world.run(a.store.put({ key: 'r/3', value: 'mine' }));
    const calls = a.store.calls.length;
    await world.run(cache.waitFor(header.revision));
    assert.equal(cache.getText('r/3'), 'mine');
    assert.equal(a.store.calls.length, calls);
  });

  it('a revision that touches nothing of it costs one read', async () => {
    const revision = put('elsewhere', 'x');
    const calls = a.store.calls.length;
    await world.run(cache.waitFor(revision));
    assert.equal(a.store.calls.length - calls, 1);
    assert.equal(cache.revision, revision);
    assert.equal(changes.length, 1);
    await world.run(cache.waitFor(revision));
    assert.equal(a.store.calls.length - calls, 1);
    put('r/3', 'after');
    await world.settle();
    assert.equal(cache.getText('r/3'), 'after');
  });

  it('a revision that does not exist yet is waited for', async () => {
    const waiting = peek(cache.waitFor(world.server.kv.revision + 2).then(() => 'there'));
    put('elsewhere', 'x');
    await world.advance(5000);
    assert.equal(waiting.value, undefined);
    put('elsewhere', 'y');
    await world.advance(5000);
    assert.equal(waiting.value, 'there');
    const late = peek(cache.waitFor(world.server.kv.revision + 1, { timeoutMs: 100 }));
    await world.advance(200);
    assert.ok(is('Timeout')(late.error));
  });

  it('does not miss a delete whose event was lost, when somebody waits for it', async () => {
    a.store.dropNextEvent((_key, type) => type === 'delete');
    const revision = remove('r/2');
    await world.settle();
    assert.equal(cache.getText('r/2'), 'two');
    await world.run(cache.waitFor(revision), 5000);
    assert.equal(cache.get('r/2'), undefined);
    assert.deepEqual(sizes, [2, 1]);
  });

  it('does not miss a put whose event was lost, either', async () => {
    a.store.dropNextEvent((_key, type) => type === 'put');
    const revision = put('r/2', 'new');
    await world.run(cache.waitFor(revision), 5000);
    assert.equal(cache.getText('r/2'), 'new');
  });

  it('finds an event that was lost before others, though nothing is newer', async () => {
    a.store.dropNextEvent((key) => key === 'r/2');
    put('r/2', 'new');
    const revision = put('r/1', 'later');
    await world.run(cache.waitFor(revision));
    assert.equal(cache.getText('r/2'), 'two');
    await world.advance(31_000);
    assert.equal(cache.getText('r/2'), 'new');
    assert.equal(tell(changes.at(-1)?.puts ?? []), 'r/2=new');
  });

  it('many who wait for a lost event cost a few reads', async () => {
    world = new World({ latencyMaxMs: 10 });
    a = world.client('a');
    put('r/1', 'one');
    put('r/2', 'two');
    cache = a.coord.cache('r/');
    await world.run(cache.ready());
    await world.advance(100);
    a.store.dropNextEvent((_key, type) => type === 'delete');
    const revision = remove('r/2');
    const calls = a.store.calls.length;
    const all = Array.from({ length: 20 }, () => cache.waitFor(revision));
    await world.run(Promise.all(all), 5000);
    const reads = a.store.calls.length - calls;
    assert.ok(reads <= 20 + 3, `${reads} reads`);
  });

  it('serves while it is cut off, says since when, and tells the difference afterwards', async () => {
    const kinds: string[] = [];
    cache.status$.subscribe(({ kind }) => kinds.push(kind));
    a.store.partition('fail');
    remove('r/1');
    put('r/2', 'new');
    put('r/3', 'x');
    remove('r/3');
    compact();
    a.store.health$.next({ healthy: false, reason: 'cut off' });
    await world.advance(60_000);
    const { status } = cache;
    assert.equal(status.kind, 'stale');
    assert.ok(status.kind === 'stale' && status.sinceMs <= a.clock.wall() - 50_000);
    assert.equal(tell(cache.entries()), 'r/1=one r/2=two');
    a.store.heal();
    a.store.health$.next({ healthy: true, reason: '' });
    await world.advance(35_000);
    assert.deepEqual(kinds, ['live', 'stale', 'live']);
    assert.deepEqual(sizes, [2, 1]);
    const last = changes.at(-1);
    assert.deepEqual([tell(last?.puts ?? []), tell(last?.deletes ?? [])], ['r/2=new', 'r/1=one']);
  });

  it('ends its watch, and stays readable', async () => {
    const waiting = peek(cache.waitFor(1_000_000));
    await world.settle();
    await cache.close();
    await cache.close();
    await world.settle();
    assert.equal(a.store.watchCount, 0);
    assert.ok(is('Aborted')(waiting.error));
    assert.equal(cache.getText('r/1'), 'one');
    await assert.rejects(world.run(cache.waitFor(1_000_000)), is('Aborted'));
    const second = a.coord.cache('r/');
    await world.run(a.coord.close());
    assert.equal(a.store.watchCount, 0);
    await assert.rejects(world.run(second.ready()), is('Aborted'));
    assert.throws(() => a.coord.cache('r/'), is('Aborted'));
  });

  it('shows whole revisions in order under random faults, and arrives', async () => {
    for (let run = 0; run < 10; run++) await runCache(testSeed() + run);
  });
});

async function runCache(seed: number): Promise<void> {
  const world = new World({ seed, latencyMaxMs: 40 });
  const { random } = world;
  const client = world.client('a');
  const shown: CacheSnapshot[] = [];
  const cache = client.coord.cache('r/');
  cache.snapshot$.subscribe((snapshot) => shown.push(snapshot));
  // Whoever follows the changes has what the snapshots show.
  const followed = new Map<string, KeyValue>();
  cache.changes$.subscribe(({ puts, deletes }) => {
    for (const kv of puts) followed.set(toText(kv.key), kv);
    for (const { key } of deletes) assert.ok(followed.delete(toText(key)));
    const sorted = [...followed].toSorted(([x], [y]) => (x < y ? -1 : 1)).map(([, kv]) => kv);
    assert.equal(tell(sorted), tell(cache.entries()));
  });
  let dropped = false;
  for (let i = 0; i < 150; i++) {
    const key = `r/${random.below(8)}`;
    world.server.run(() =>
      random.below(3) === 0
        ? { gone: world.server.kv.delete({ key }) }
        : { kv: world.server.kv.put({ key, value: String(i) }) },
    );
    const what = random.below(12);
    if (what === 0) client.store.partition(random.below(2) === 0 ? 'fail' : 'hang');
    else if (what < 3) client.store.heal();
    else if (what === 3) client.store.breakWatches();
    else if (what === 4) client.store.loseResponse(() => true);
    else if (what === 5 && random.below(10) === 0) {
      client.store.dropNextEvent(() => true);
      dropped = true;
    } else if (what === 6 && random.below(4) === 0) {
      const { kv } = world.server;
      if (kv.revision > kv.compactedRevision)
        world.server.run(() => ({ done: kv.compact(kv.revision) }));
    }
    await world.advance(random.below(100));
  }
  client.store.heal();
  const { revision } = world.server.kv;
  await world.run(cache.waitFor(revision));
  // An event that was lost, with others after it, is found by the next read of everything.
  if (dropped) await world.advance(45_000);
  const where = `TIDELOCK_SEED=${seed}`;
  let last = 0;
  for (const snapshot of shown) {
    assert.ok(snapshot.revision > last || (dropped && snapshot.revision === last), where);
    last = snapshot.revision;
    if (!dropped) assert.equal(tell(snapshot.entries()), stateAt(world, snapshot.revision), where);
  }
  assert.equal(tell(cache.entries()), stateAt(world, revision), where);
  await world.close();
  await world.advance(100);
  assert.equal(world.clock.timerCount, 0);
}

/** The prefix at a revision, by the history of the server, which compaction does not touch. */
function stateAt(world: World, revision: number): string {
  const state = new Map<string, KeyValue>();
  for (const batch of world.server.kv.history) {
    if (batch.revision > revision) break;
    for (const { type, kv } of batch.events) {
      if (type === 'put') state.set(toText(kv.key), kv);
      else state.delete(toText(kv.key));
    }
  }
  const kvs = [...state].toSorted(([x], [y]) => (x < y ? -1 : 1)).map(([, kv]) => kv);
  return tell(kvs.filter(({ key }) => toText(key).startsWith('r/')));
}
