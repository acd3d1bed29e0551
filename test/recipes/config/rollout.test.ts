// Proves that a fleet applies a change a few at a time, each healthy before the next, that a bad
// value stops within the budget however it shows (a failure, bad health, a refusal, a death), and
// that a mended one rolls on.
// What is looked for: a splay that still restarts a whole fleet with a bad value, and a crash loop
// that nobody counts.
import assert from 'node:assert/strict';
import { testSeed, World } from '../../support/world.js';
import { Fleet } from './rollout-fleet.js';

describe('Config.applyWith', () => {
  let world: World;
  let fleet: Fleet;

  beforeEach(() => {
    world = new World({ seed: testSeed(), latencyMaxMs: 5 });
    fleet = new Fleet(world);
    fleet.set(1);
  });

  it('twelve instances apply a change two at a time, each healthy before the next', async () => {
    fleet.fill(12);
    await world.advance(120_000);
    assert.equal(fleet.with(1), 12);
    assert.equal(fleet.busiest, 2);
    const startMs = world.clock.monotonic();
    fleet.set(2);
    while (fleet.with(2) < 12) await world.advance(100);
    // Six pairs of five seconds each, less the soaking of the last.
    const tookMs = world.clock.monotonic() - startMs;
    assert.ok(tookMs > 25_000 && tookMs < 30_000, `${tookMs} ms`);
    assert.equal(fleet.busiest, 2);
    assert.equal(fleet.status?.trying.length, 2);
    await world.advance(10_000);
    assert.equal(fleet.status?.done.length, 12);
    assert.ok(fleet.instances.every(({ rollout }) => rollout.revision >= 3));
    assert.equal(fleet.attempts.length, 24);
    assert.equal(world.keys('app@rollout/').length, 12);
  });

  it('a bad value stops after the budget, and a mended one rolls on to all', async () => {
    fleet.fill(12, { failureBudget: 1 });
    await world.advance(120_000);
    fleet.isBad = (_, n) => n === 2;
    fleet.set(2);
    await world.advance(120_000);
    // One more than the budget, and whoever was at it at the same time.
    const failed = fleet.status?.failures.length ?? 0;
    assert.ok(failed >= 2 && failed <= 3, `${failed}`);
    assert.equal(fleet.tried(2), failed);
    assert.equal(fleet.with(1), 12);
    assert.match(fleet.status?.failures[0]?.message ?? '', /cannot run with 2/);
    assert.equal(fleet.states().filter((kind) => kind === 'stopped').length, 12 - failed);
    fleet.set(3);
    await world.advance(120_000);
    assert.equal(fleet.with(3), 12);
    assert.deepEqual(fleet.status?.failures, []);
    assert.deepEqual([...new Set(fleet.states())], ['applied']);
    assert.equal(world.keys('app@rollout/failed/').length, 0);
  });

  it('failures within the budget let the others go on', async () => {
    fleet.fill(6, { failureBudget: 2 });
    fleet.isBad = (name, n) => n === 2 && (name === 'host-1' || name === 'host-4');
    await world.advance(60_000);
    fleet.set(2);
    await world.advance(60_000);
    assert.equal(fleet.with(2), 4);
    assert.deepEqual(
      fleet.status?.failures.map(({ instance }) => instance),
      ['host-1', 'host-4'],
    );
    // Those that failed went back to what they had.
    assert.equal(fleet.applied.get('host-1'), 1);
  });

  it('bad health counts, also when it comes late, and when it cannot be told', async () => {
    fleet.fill(6);
    await world.advance(60_000);
    let asked = 0;
    fleet.isWell = (_, n) => {
      asked += 1;
      if (n === 2 && asked % 4 === 3) throw new Error('no answer');
      return n !== 2 || asked % 4 !== 0;
    };
    fleet.set(2);
    await world.advance(60_000);
    assert.ok(fleet.tried(2) <= 2);
    assert.match(fleet.status?.failures[0]?.message ?? '', /not healthy within 15000 ms/);
    assert.equal(fleet.with(1), 6);
  });

  it('one bad moment only begins the soaking anew', async () => {
    fleet.fill(1);
    await world.advance(20_000);
    const startMs = world.clock.monotonic();
    fleet.isWell = () => Math.abs(world.clock.monotonic() - startMs - 3100) > 400;
    fleet.set(2);
    await world.advance(7000);
    assert.deepEqual(fleet.states(), ['soaking']);
    await world.advance(3000);
    assert.deepEqual(fleet.states(), ['applied']);
  });

  it('a refusal counts like a failure', async () => {
    for (let i = 0; i < 6; i++) fleet.add(`host-${i}`, {}, i === 0 ? 10 : 1000);
    await world.advance(60_000);
    fleet.set(50);
    await world.advance(60_000);
    assert.ok(fleet.tried(50) <= 2);
    assert.equal(fleet.status?.failures[0]?.kind, 'refused');
    fleet.set(9);
    await world.advance(60_000);
    assert.equal(fleet.with(9), 6);
  });

  it('a value that kills the process counts, though nobody was left to say so', async () => {
    fleet.fill(6);
    await world.advance(60_000);
    const dead: string[] = [];
    const victims = fleet.instances.filter((_, i) => i > 0);
    for (const { client, rollout } of victims) {
      rollout.state$.subscribe((state) => {
        if (state.kind !== 'soaking' || state.revision < 3) return;
        dead.push(client.name);
        client.crash();
      });
    }
    fleet.isBad = (name, n) => name === 'host-0' && n === 2;
    fleet.instances[0]?.client.store.partition('fail');
    fleet.set(2);
    await world.advance(120_000);
    // The two that went first; the others were told by what those had noted beforehand.
    assert.equal(dead.length, 2);
    fleet.instances[0]?.client.store.heal();
    await world.advance(40_000);
    assert.deepEqual(
      fleet.status?.failures.map(({ kind }) => kind),
      ['crashed', 'crashed'],
    );
    assert.equal(fleet.tried(2), 2);
  });

  it('a process that died of a value does not try it again when it is started anew', async () => {
    fleet.fill(1);
    await world.advance(20_000);
    const [first] = fleet.instances;
    fleet.set(2);
    await world.advance(1000);
    first?.client.crash();
    // Sooner than its session ends, as a supervisor would.
    const second = fleet.add('host-0');
    await world.advance(60_000);
    assert.equal(second.rollout.state.kind, 'failed');
    assert.equal(fleet.attempts.filter(([, n]) => n === 2).length, 1);
    assert.equal(await world.run(second.config.clearRollout()), 1);
    await world.advance(60_000);
    assert.equal(second.rollout.state.kind, 'applied');
  });

  it('a restart in good order waits for no turn, and forgets what was under way', async () => {
    fleet.fill(1);
    await world.advance(20_000);
    await world.run(fleet.instances[0]?.client.coord.close() ?? Promise.resolve());
    const holder = world.client('holder');
    const gate = holder.coord.semaphore('app-rollout');
    await world.run(gate.acquire());
    await world.run(gate.acquire());
    const again = fleet.add('host-0');
    await world.advance(10_000);
    assert.equal(again.rollout.state.kind, 'applied');
    await world.run(holder.coord.close());
    fleet.set(2);
    await world.advance(1000);
    assert.equal(again.rollout.state.kind, 'soaking');
    await world.run(again.client.coord.close());
    assert.deepEqual(world.keys('app@rollout/'), ['app@rollout/done/host-0']);
  });

  it('clearing lets it go on with the same value', async () => {
    fleet.fill(6);
    await world.advance(60_000);
    fleet.isBad = (_, n) => n === 2;
    fleet.set(2);
    await world.advance(60_000);
    const tried = fleet.tried(2);
    assert.ok(tried <= 2);
    fleet.isBad = () => false;
    const cleared = await world.run(
      fleet.instances[0]?.config.clearRollout() ?? Promise.resolve(0),
    );
    assert.equal(cleared, tried);
    await world.advance(120_000);
    assert.equal(fleet.with(2), 6);
  });

  it('a newer value takes the place of the one that is soaking, in the same turn', async () => {
    fleet.fill(3, { soakMs: 60_000 });
    await world.advance(10_000);
    fleet.set(2);
    await world.advance(1000);
    assert.equal(fleet.with(2), 2);
    assert.equal(fleet.busiest, 2);
    await world.advance(200_000);
    assert.equal(fleet.with(2), 3);
    assert.equal(fleet.with(1), 0);
  });

  it('who has not heard of a newer value does not begin with the older one', async () => {
    fleet.fill(1);
    await world.advance(20_000);
    const holder = world.client('holder');
    const gate = holder.coord.semaphore('app-rollout');
    const permits = [await world.run(gate.acquire()), await world.run(gate.acquire())];
    fleet.set(2);
    await world.advance(1000);
    assert.deepEqual(fleet.states(), ['queued']);
    fleet.instances[0]?.client.store.dropNextEvent((key) => key === 'app/n');
    fleet.set(3);
    await world.advance(1000);
    for (const permit of permits) await world.run(permit.release());
    await world.advance(40_000);
    assert.equal(fleet.tried(2), 0);
    assert.deepEqual(fleet.states(), ['applied']);
    assert.equal(fleet.with(3), 1);
  });

  it('an instance that refuses what came last begins nothing older, and is not in the way', async () => {
    fleet.add('host-0', {}, 10);
    const holder = world.client('holder');
    const gate = holder.coord.semaphore('app-rollout', { initialLimit: 2 });
    const permits = [await world.run(gate.acquire()), await world.run(gate.acquire())];
    fleet.set(2);
    await world.advance(1000);
    fleet.set(50);
    await world.advance(1000);
    for (const permit of permits) await world.run(permit.release());
    await world.advance(5000);
    assert.deepEqual(fleet.states(), ['failed']);
    assert.equal(fleet.attempts.length, 0);
    const { calls } = fleet.instances[0]?.client.store ?? { calls: [] };
    const before = calls.length;
    await world.advance(20_000);
    assert.ok(calls.length - before < 20, `${calls.length - before} calls for nothing`);
    fleet.set(3);
    await world.advance(20_000);
    assert.deepEqual(fleet.states(), ['applied']);
  });
});
