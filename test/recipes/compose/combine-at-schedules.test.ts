// Proves by random schedules that what combined views of real recipes show at a revision is what
// the server had at that revision, judged by its history, whatever happens to calls and watches.
import assert from 'node:assert/strict';
import type { PrefixSnapshot, Snapshots } from '../../../src/recipes/base/prefix-snapshot.js';
import type { RecipeView } from '../../../src/recipes/base/recipe-view.js';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { type KeyValue, toText } from '../../../src/store/index.js';
import { type Client, testSeed, World } from '../../support/world.js';

const RUNS = 8;
const STEPS = 80;

/** A prefix at a revision, by the history of the server. */
function snapshotAt(world: World, prefix: string, revision: number): PrefixSnapshot {
  const entries = new Map<string, KeyValue>();
  for (const batch of world.server.kv.history) {
    if (batch.revision > revision) break;
    for (const { type, kv } of batch.events) {
      const key = toText(kv.key);
      if (!key.startsWith(prefix)) continue;
      if (type === 'put') entries.set(key.slice(prefix.length), kv);
      else entries.delete(key.slice(prefix.length));
    }
  }
  return { revision, entries };
}

function valueAt<T>(world: World, view: RecipeView<T>, revision: number): T {
  const [first, ...others] = view.terms.prefixes;
  const at = (prefix: string): PrefixSnapshot => snapshotAt(world, prefix, revision);
  const snapshots: Snapshots = [at(first), ...others.map(at)];
  return view.terms.derive(snapshots);
}

function disturb(world: World, client: Client): void {
  const { store } = client;
  const { kv } = world.server;
  switch (world.random.below(8)) {
    case 0:
      return store.partition(world.random.below(2) === 0 ? 'fail' : 'hang');
    case 1:
    case 2:
      return store.heal();
    case 3:
      return store.loseResponse(() => true);
    case 4:
      return store.breakWatches();
    case 5:
      return store.dropNextEvent(() => true);
    case 6:
      if (kv.revision > kv.compactedRevision) kv.compact(kv.revision);
      return undefined;
    default:
      return store.loseRequest(() => true);
  }
}

/** Something that changes what is shown; what it cannot do under faults is no failure. */
async function change(world: World, client: Client): Promise<void> {
  const { coord } = client;
  try {
    if (world.random.below(3) === 0) {
      const leadership = await coord.election('job').campaign({ timeoutMs: 3000 });
      await leadership.proclaim(`${client.name} leads`);
      await leadership.resign();
    } else if (world.random.below(2) === 0) {
      const id = `m${world.random.below(3)}`;
      const me = await coord.members('g').join({ id, onConflict: 'replace', timeoutMs: 3000 });
      await me.update({ at: world.server.kv.revision }, { timeoutMs: 3000 });
      await me.leave();
    } else await coord.counter('n').add(1, { timeoutMs: 3000 });
  } catch (error) {
    if (!isCoordinationError(error)) throw error;
  }
}

describe('combined views at random', function () {
  this.timeout(30_000);

  it('show what the server had at that revision', async () => {
    let shown = 0;
    for (let run = 0; run < RUNS; run++) {
      const seed = testSeed() + run;
      const world = new World({ seed, latencyMaxMs: 40 });
      const clients = ['a', 'b'].map((name) => world.client(name));
      const observer = world.client('observer');
      const { coord } = observer;
      const leader$ = coord.election('job').status$;
      const members$ = coord.members('g').members$;
      const count$ = coord.counter('n').value$;
      const combined = coord.combineAt([leader$, members$, count$]);
      let last = 0;
      combined.subscribe(({ revision, values }) => {
        const where = `TIDELOCK_SEED=${seed} at revision ${revision}`;
        assert.ok(revision >= last, where);
        last = revision;
        shown += 1;
        const expected = [leader$, members$, count$].map((view) =>
          valueAt<unknown>(world, view, revision),
        );
        assert.deepEqual([...values], expected, where);
      });
      const all: Promise<void>[] = [];
      for (let step = 0; step < STEPS; step++) {
        const client = clients[world.random.below(clients.length)] as Client;
        if (world.random.below(3) === 0) disturb(world, observer);
        else if (world.random.below(6) === 0) disturb(world, client);
        else all.push(change(world, client));
        await world.advance(world.random.below(120));
      }
      for (const { store } of world.clients) store.heal();
      await world.run(Promise.all(all));
      await world.advance(35_000);
      const final = valueAt<unknown>(world, count$, world.server.kv.revision);
      let seen: unknown;
      combined.subscribe(({ values }) => {
        seen = values[2];
      });
      assert.equal(seen, final, `TIDELOCK_SEED=${seed}`);
      await world.close();
    }
    assert.ok(shown > RUNS * 10, `only ${shown} values`);
  });
});
