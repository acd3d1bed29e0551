// Proves that an election says at one revision who leads since when, who stands and why a candidate
// waits, and that a process which is not healthy neither stands nor goes on leading.
import assert from 'node:assert/strict';
import { BehaviorSubject, Subject } from 'rxjs';
import type { Leadership } from '../../../src/recipes/election/leadership.js';
import type {
  ElectionRule,
  ElectionStatus,
} from '../../../src/recipes/election/election-status.js';
import type { WaitPlan } from '../../../src/recipes/base/wait-plan.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

describe('Election.status$ and plan$', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  it('shows leader and candidates in order, at one revision', async () => {
    const seen: ElectionStatus[] = [];
    world
      .client('observer')
      .coord.election('job')
      .status$.subscribe((status) => seen.push(status));
    await world.settle();
    const first = await world.run(a.coord.election('job').campaign());
    const second = peek(b.coord.election('job').campaign());
    await world.settle();
    const last = seen.at(-1);
    assert.equal(last?.revision, world.server.kv.revision);
    assert.equal(last?.leader?.sinceMs, a.clock.wall());
    assert.deepEqual(
      last?.candidates.map(({ value, leads }) => [value, leads]),
      [
        ['a', true],
        ['b', false],
      ],
    );
    assert.deepEqual(seen[0]?.candidates, []);
    for (const { leader, candidates } of seen) {
      assert.equal(leader === null ? 0 : 1, candidates.filter(({ leads }) => leads).length);
    }
    await world.run(first.resign());
    await world.run(second.promise);
    assert.equal(seen.at(-1)?.leader?.value, 'b');
  });

  it('tells each handle why it waits', async () => {
    const plans: Record<string, WaitPlan<ElectionRule>> = {};
    const elections = ['a', 'b', 'c', 'bystander'].map((name) => {
      const client = name === 'a' ? a : name === 'b' ? b : world.client(name);
      const election = client.coord.election('job');
      election.plan$.subscribe((plan) => {
        plans[name] = plan;
      });
      return election;
    });
    const held: (Leadership | undefined)[] = [];
    await world.settle();
    assert.equal(plans['bystander']?.state, 'free');
    for (const election of elections.slice(0, 3)) {
      void election.campaign().then((leadership) => held.push(leadership));
      await world.settle();
    }
    const at = new Date(a.clock.wall()).toISOString().slice(11, 19);
    assert.equal(plans['a']?.state, 'held');
    assert.deepEqual(
      ['b', 'c', 'bystander'].map((name) => [plans[name]?.state, plans[name]?.position]),
      [
        ['waiting', 1],
        ['waiting', 2],
        ['waiting', 3],
      ],
    );
    assert.equal(plans['b']?.reason, `led by a since ${at}Z`);
    assert.equal(plans['c']?.reason, `led by a since ${at}Z, 1 ahead of you`);
    assert.equal(plans['c']?.rule, 'leader');
    await world.run(held[0]?.resign() ?? Promise.resolve());
    await world.settle();
    assert.equal(plans['b']?.state, 'held');
    assert.equal(plans['a']?.state, 'waiting');
  });

  it('names an owner key that nobody stands behind', async () => {
    world.server.run(() => ({ kv: world.server.kv.put({ key: 'job/leader', value: 'x' }) }));
    const rules: (ElectionRule | undefined)[] = [];
    a.coord.election('job').plan$.subscribe(({ rule }) => rules.push(rule));
    await world.settle();
    assert.deepEqual(rules, ['orphan']);
  });

  it('a leader that becomes unhealthy steps down, and stands again when it is well', async () => {
    const healthy$ = new BehaviorSubject(false);
    const stop = new AbortController();
    const events: string[] = [];
    const loop = a.coord.election('job').runWhileLeader(
      async (_term, signal) => {
        events.push('leads');
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        );
        events.push('stops');
      },
      { healthy$, signal: stop.signal },
    );
    await world.advance(1000);
    assert.deepEqual(world.keys('job/'), []);
    healthy$.next(true);
    await world.advance(1000);
    assert.deepEqual(events, ['leads']);
    const other = peek(b.coord.election('job').campaign());
    await world.advance(1000);
    healthy$.next(false);
    await world.advance(1000);
    assert.deepEqual(events, ['leads', 'stops']);
    other.value?.assertLeader();
    healthy$.next(true);
    await world.advance(1000);
    healthy$.next(false);
    await world.advance(1000);
    assert.equal(world.keys('job/c/').length, 1, 'an unhealthy process stands in line');
    healthy$.next(true);
    await world.advance(1000);
    await world.run(other.value?.resign() ?? Promise.resolve());
    await world.advance(1000);
    assert.deepEqual(events, ['leads', 'stops', 'leads']);
    stop.abort();
    await world.run(loop);
    assert.equal(healthy$.observed, false);
  });

  it('a health stream that fails ends the loop with its failure', async () => {
    const healthy$ = new Subject<boolean>();
    const loop = peek(
      a.coord
        .election('job')
        .runWhileLeader(
          (_term, signal) =>
            new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
          { healthy$ },
        ),
    );
    await world.advance(1000);
    const boom = new Error('check is broken');
    healthy$.error(boom);
    await world.advance(1000);
    assert.equal(loop.error, boom);
    assert.deepEqual(world.keys('job/'), []);
  });
});
