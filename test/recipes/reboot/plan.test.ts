// Proves that whoever asks why a machine does not reboot is told the rule, who stands in the way
// and since when, how many are ahead, and when the next window opens; and is told again when that
// changes, be it with the group or with the time of day.
import assert from 'node:assert/strict';
import type { RebootGroup, RebootPlan } from '../../../src/recipes/index.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const HOUR_MS = 3_600_000;

describe('the plan of a node', () => {
  let world: World;
  let a: Client;
  let group: RebootGroup;

  beforeEach(() => {
    world = new World({ session: { ttlSeconds: 60 } });
    a = world.client('a');
    group = a.coord.reboots('workers');
  });

  it('says free, waiting and held, and who is in the way', async () => {
    const free = await world.run(group.plan('n1'));
    assert.deepEqual([free.state, free.rule, free.position], ['free', undefined, 0]);
    await world.run(group.acquire({ node: 'n1', reason: 'kernel' }));
    const held = await world.run(group.plan('n1'));
    assert.deepEqual([held.state, held.holder?.reason], ['held', 'kernel']);
    void peek(group.acquire({ node: 'n2' }));
    await world.settle();
    void peek(world.client('b').coord.reboots('workers').acquire({ node: 'n3' }));
    await world.settle();
    const third = await world.run(group.plan('n3'));
    assert.deepEqual([third.state, third.rule, third.position], ['waiting', 'semaphore_full', 1]);
    assert.deepEqual(
      third.blockers.map(({ key, identity }) => [key, identity]),
      [['reboot/workers/slot/n1', 'n1']],
    );
    assert.match(third.reason, /^1 of 1 slot is taken, by n1 since \S+Z; 1 ahead in line$/);
    const stranger = await world.run(group.plan('n4'));
    assert.deepEqual([stranger.state, stranger.position], ['waiting', 2]);
  });

  it('streams every change of the answer, and the windows as time passes', async () => {
    const windows = [{ days: [], start: '03:00', lengthMinutes: 60, timeZone: 'UTC' }];
    await world.run(group.setPolicy({ windows }));
    const seen: RebootPlan[] = [];
    const subscription = group.plan$('n1').subscribe((plan) => seen.push(plan));
    const words = (): string[] => seen.map(({ state, rule }) => `${state} ${rule ?? ''}`.trim());
    await world.settle();
    assert.deepEqual(words(), ['waiting outside_window']);
    assert.equal(seen[0]?.nextWindowMs, world.clock.wall() + 3 * HOUR_MS);
    await world.advance(3 * HOUR_MS + 10);
    assert.deepEqual(words().slice(1), ['free']);
    await world.run(group.hold({ reason: 'freeze' }));
    await world.run(group.unhold());
    assert.deepEqual(words().slice(2), ['waiting group_held', 'free']);
    await world.advance(HOUR_MS);
    assert.equal(words().at(-1), 'waiting outside_window');
    subscription.unsubscribe();
    await world.settle();
    assert.equal(a.store.watchCount, 0);
    assert.equal(world.clock.timerCount, 0);
  });

  it('names each rule', async () => {
    const rule = async (): Promise<string | undefined> => (await world.run(group.plan('n9'))).rule;
    await world.run(group.setPolicy({ max: 2, grantTimeoutSeconds: 10, cooldownSeconds: 30 }));
    await world.run(group.acquire({ node: 'n1' }));
    await world.advance(11_000);
    assert.equal(await rule(), 'failure_budget_exhausted');
    await world.run(group.release({ node: 'n1' }));
    assert.equal(await rule(), 'cooldown');
    await world.advance(31_000);
    await world.run(group.setMax(0));
    assert.equal(await rule(), 'semaphore_full');
    void peek(group.acquire({ node: 'n2' }));
    await world.settle();
    await world.run(group.pause());
    assert.equal(await rule(), 'group_paused');
  });
});
