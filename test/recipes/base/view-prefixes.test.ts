// Proves that a view of several prefixes shows them at one revision each time, whatever arrives in
// which order, and that lost answers, compaction, dropped events and breaks only delay it.
import assert from 'node:assert/strict';
import {
  type Snapshots,
  viewPrefixes,
  type ViewsEvent,
} from '../../../src/recipes/base/view-prefixes.js';
import { toText } from '../../../src/store/index.js';
import { testSeed, type Client, World } from '../../support/world.js';

/** `a=1 b=2` for the keys of each prefix. */
function describeSnapshots(snapshots: Snapshots): string {
  return snapshots
    .map(({ entries }) => [...entries].map(([name, kv]) => `${name}=${toText(kv.value)}`).join(' '))
    .join(' | ');
}

describe('viewPrefixes', () => {
  let world: World;
  let client: Client;
  let seen: string[];
  let revisions: number[];
  let stale: string[];

  beforeEach(() => {
    world = new World();
    client = world.client('a');
    seen = [];
    revisions = [];
    stale = [];
  });

  const watch = (prefixes: readonly [string, ...string[]]): { unsubscribe(): void } =>
    viewPrefixes(client.store, prefixes).subscribe((event: ViewsEvent) => {
      if (event.kind === 'stale') stale.push(event.reason);
      else {
        seen.push(describeSnapshots(event.snapshots));
        revisions.push(event.revision);
        for (const { revision } of event.snapshots) assert.equal(revision, event.revision);
      }
    });

  const putBoth = (value: string): void => {
    world.server.run(() => ({
      done: world.server.kv.txn({
        success: [
          { kind: 'put', key: 'x/1', value },
          { kind: 'put', key: 'y/1', value },
        ],
      }),
    }));
  };
  const compact = (): void => {
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
  };

  it('shows all prefixes together, and nothing twice', async () => {
    const subscription = watch(['x/', 'y/']);
    await world.settle();
    assert.deepEqual(seen, [' | ']);
    putBoth('a');
    await world.settle();
    world.server.run(() => ({ gone: world.server.kv.delete({ key: 'y/1' }) }));
    await world.settle();
    world.server.run(() => ({ kv: world.server.kv.put({ key: 'other', value: 'z' }) }));
    await world.advance(100_000);
    assert.deepEqual(seen, [' | ', '1=a | 1=a', '1=a | ']);
    subscription.unsubscribe();
    assert.equal(client.store.watchCount, 0);
    await world.settle();
    assert.equal(world.clock.timerCount, 0);
  });

  it('never shows a half of a transaction, at any latency', async () => {
    const seed = testSeed();
    let between = 0;
    for (let run = 0; run < 20; run++) {
      world = new World({ seed: seed + run, latencyMaxMs: 40 });
      client = world.client('a');
      seen = [];
      revisions = [];
      const subscription = watch(['x/', 'y/']);
      for (let i = 0; i < 30; i++) {
        putBoth(String(i));
        if (i % 14 === 13) client.store.breakWatches();
        if (i % 10 === 9) client.store.loseResponse(() => true);
        await world.advance(world.random.below(60));
      }
      between += seen.length;
      await world.advance(60_000);
      const where = `TIDELOCK_SEED=${seed + run}`;
      for (const text of seen) {
        const [x, y] = text.split(' | ');
        assert.equal(x, y, `${where}: ${text}`);
      }
      assert.equal(seen.at(-1), '1=29 | 1=29', where);
      assert.deepEqual(
        revisions,
        revisions.toSorted((a, b) => a - b),
        where,
      );
      subscription.unsubscribe();
    }
    // A test that sees nothing but the end has proved nothing.
    assert.ok(between > 60, `${between} states were seen on the way`);
  });

  it('reads on when the revision that it reads at goes away between two pages', async () => {
    for (let i = 0; i < 600; i++) {
      world.server.run(() => ({ kv: world.server.kv.put({ key: `x/${i}`, value: 'v' }) }));
    }
    let compactions = 0;
    let isCommonRead = false;
    client.store.loseRequest(({ name, request }) => {
      const { revision } = request as { revision?: number };
      if (name === 'txn') isCommonRead = true;
      // The second page of the common look finds its revision gone, twice.
      if (isCommonRead && revision !== undefined && compactions < 2) {
        compactions += 1;
        putBoth('new');
        compact();
      }
      return false;
    });
    const sizes: number[] = [];
    viewPrefixes(client.store, ['x/', 'y/']).subscribe((event) => {
      if (event.kind === 'snapshots') sizes.push(event.snapshots[0].entries.size);
    });
    await world.advance(10_000);
    assert.equal(compactions, 2);
    assert.ok(sizes.length > 0);
    for (const size of sizes) assert.equal(size, 600);
  });

  it('a dropped event costs a poll interval', async () => {
    watch(['x/', 'y/']);
    await world.settle();
    client.store.dropNextEvent((key) => key.startsWith('x/'));
    client.store.dropNextEvent((key) => key.startsWith('y/'));
    putBoth('a');
    await world.settle();
    putBoth('b');
    client.store.dropNextEvent(() => true);
    await world.advance(31_000);
    assert.equal(seen.at(-1), '1=b | 1=b');
  });

  it('says that it is stale while cut off, shows nothing, and goes on after compaction', async () => {
    watch(['x/', 'y/']);
    putBoth('a');
    await world.settle();
    client.store.partition('fail');
    putBoth('b');
    compact();
    await world.advance(40_000);
    assert.equal(seen.at(-1), '1=a | 1=a');
    assert.ok(stale.length > 0);
    client.store.heal();
    await world.advance(40_000);
    assert.equal(seen.at(-1), '1=b | 1=b');
  });

  it('leaves no watch and no timer when it is given up while it reads', async () => {
    const subscription = watch(['x/', 'y/']);
    client.store.partition('hang');
    await world.advance(10_000);
    subscription.unsubscribe();
    client.store.heal();
    await world.settle();
    assert.equal(client.store.watchCount, 0);
    assert.equal(world.clock.timerCount, 0);
    assert.deepEqual(seen, []);
  });
});
