// Proves that combined views show states of one revision only, where combining the streams shows
// states that never were, and that types, replays and refusals are as promised.
import assert from 'node:assert/strict';
import { combineLatest } from 'rxjs';
import { RecipeView } from '../../../src/recipes/base/recipe-view.js';
import { closedError, RecipeContext } from '../../../src/recipes/base/context.js';
import { Ending } from '../../../src/recipes/base/ending.js';
import { SessionPool } from '../../../src/recipes/base/session-pool.js';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { toText } from '../../../src/store/index.js';
import { type Client, World } from '../../support/world.js';

describe('combineAt', () => {
  let world: World;
  let client: Client;
  let context: RecipeContext;
  let closed: Ending;

  beforeEach(() => {
    world = new World({ latencyMaxMs: 20 });
    client = world.client('a');
    closed = new Ending();
    context = new RecipeContext(
      client.store,
      new SessionPool(client.store, {}, closed),
      'a',
      closed,
    );
  });

  const textOf = (prefix: string): RecipeView<string> =>
    new RecipeView(context, {
      prefixes: [prefix],
      derive: ([{ entries }]) => toText(entries.get('k')?.value ?? new Uint8Array()),
    });
  const write = (value: string): void => {
    world.server.run(() => ({
      done: world.server.kv.txn({
        success: [
          { kind: 'put', key: 'left/k', value },
          { kind: 'put', key: 'right/k', value },
        ],
      }),
    }));
  };

  it('never shows two keys of one transaction apart; combineLatest does', async () => {
    const together: (readonly [string, string])[] = [];
    const apart: (readonly [string, string])[] = [];
    const left$ = textOf('left/');
    const right$ = textOf('right/');
    const revisions: number[] = [];
    client.coord.combineAt([left$, right$]).subscribe(({ revision, values: [left, right] }) => {
      together.push([left, right]);
      revisions.push(revision);
    });
    combineLatest([left$, right$]).subscribe((pair) => apart.push(pair));
    for (let i = 1; i <= 50; i++) {
      write(String(i));
      await world.advance(15);
    }
    await world.advance(1000);
    const isTorn = ([left, right]: readonly [string, string]): boolean => left !== right;
    assert.deepEqual(together.filter(isTorn), []);
    assert.deepEqual(together.at(-1), ['50', '50']);
    assert.ok(together.length > 5);
    assert.ok(apart.some(isTorn), 'the schedule shows nothing: no torn pair was there to avoid');
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => a - b),
    );
  });

  it('knows the type of each value, also of the leader', async () => {
    const election = client.coord.election('job');
    const combined = client.coord.combineAt([election.leader$, textOf('left/')]);
    const seen: [string | undefined, string][] = [];
    combined.subscribe(({ values: [leader, text] }) => seen.push([leader?.value, text]));
    const leadership = await world.run(election.campaign({ value: 'me' }));
    write('x');
    await world.advance(1000);
    await world.run(leadership.resign());
    await world.advance(1000);
    assert.deepEqual(seen[0], [undefined, '']);
    assert.ok(seen.some(([leader, text]) => leader === 'me' && text === 'x'));
    assert.deepEqual(seen.at(-1), [undefined, 'x']);
  });

  it('a combined view can be combined, and reads a shared prefix once', async () => {
    const inner = client.coord.combineAt([textOf('left/'), textOf('right/')]);
    const outer = client.coord.combineAt([inner, textOf('left/')]);
    assert.deepEqual(outer.terms.prefixes, ['left/', 'right/']);
    const seen: string[] = [];
    outer.subscribe(({ revision, values: [both, left] }) => {
      assert.equal(both.revision, revision);
      seen.push([...both.values, left].join());
    });
    write('x');
    await world.advance(1000);
    assert.equal(seen.at(-1), 'x,x,x');
  });

  it('is silent about changes that every view calls none', async () => {
    const election = client.coord.election('job');
    const revisions: number[] = [];
    client.coord
      .combineAt([election.leader$, client.coord.election('other').leader$])
      .subscribe(({ revision }) => revisions.push(revision));
    await world.run(election.campaign());
    await world.advance(1000);
    const known = revisions.length;
    // A second candidate changes keys of the election, and not who leads.
    void world
      .client('b')
      .coord.election('job')
      .campaign()
      .catch(() => undefined);
    await world.advance(1000);
    assert.equal(revisions.length, known);
  });

  it('refuses no view, and more prefixes than one transaction reads', () => {
    const is = (error: unknown): boolean => isCoordinationError(error, 'InvalidArgument');
    assert.throws(() => client.coord.combineAt([]), is);
    const many = Array.from({ length: 129 }, (_, i) => textOf(`p${i}/`));
    assert.throws(() => client.coord.combineAt(many), is);
    client.coord.combineAt(many.slice(1));
  });

  it('completes at the end and leaves nothing open', async () => {
    let completed = false;
    client.coord.combineAt([textOf('left/'), textOf('right/')]).subscribe({
      complete: () => {
        completed = true;
      },
    });
    await world.advance(1000);
    closed.end(closedError());
    await world.run(client.coord.close());
    assert.ok(completed);
    assert.equal(client.store.watchCount, 0);
  });
});
