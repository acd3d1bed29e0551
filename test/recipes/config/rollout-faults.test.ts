// Proves that no lost permit, lost or late answer makes the notes of a rollout lie, and that a
// rollout takes any gate and leaves nothing behind.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import type { TxnRequest } from '../../../src/store/index.js';
import { testSeed, World } from '../../support/world.js';
import { Fleet, type Instance, Settings } from './rollout-fleet.js';

/** Whether it notes that an instance begins. */
function isBeginning(request: unknown): boolean {
  const { success = [] } = request as TxnRequest;
  return success.some((step) => step.kind === 'put' && String(step.key).includes('/trying/'));
}

describe('Config.applyWith under faults', () => {
  let world: World;
  let fleet: Fleet;

  beforeEach(() => {
    world = new World({ seed: testSeed(), latencyMaxMs: 5 });
    fleet = new Fleet(world);
    fleet.set(1);
  });

  it('a permit that is lost ends the attempt, and it is made again', async () => {
    fleet.fill(2);
    await world.advance(30_000);
    fleet.set(2);
    await world.advance(1000);
    const [first] = fleet.instances;
    first?.client.store.partition('fail');
    await world.advance(20_000);
    // As far as anybody can tell, it has died of the value.
    assert.deepEqual(
      fleet.status?.failures.map(({ kind }) => kind),
      ['crashed'],
    );
    first?.client.store.heal();
    await world.advance(60_000);
    assert.deepEqual(fleet.states(), ['applied', 'applied']);
    assert.deepEqual(fleet.status?.failures, []);
    assert.deepEqual(world.keys('app@rollout/trying/'), []);
  });

  it('nothing begins under a permit that was lost since it was given', async () => {
    for (let lostMs = 0; lostMs < 40; lostMs += 2) {
      const client = world.client(`late-${lostMs}`);
      const permit = new AbortController();
      let given = 0;
      const acquire = () => {
        given += 1;
        if (given > 1) return new Promise<never>(() => undefined);
        if (lostMs === 0) permit.abort();
        else client.clock.timer(lostMs, () => permit.abort());
        return Promise.resolve({ signal: permit.signal, release: () => Promise.resolve() });
      };
      const begun: boolean[] = [];
      const config = client.coord.config('app/', Settings);
      config.applyWith(
        { acquire },
        { apply: (_settings, { signal }) => void begun.push(!signal.aborted), soakMs: 1000 },
      );
      await world.advance(500);
      assert.equal(given, 2, 'it asks for another one');
      assert.ok(!begun.includes(false), `lost after ${lostMs} ms, and it begins`);
      const noted = client.store.calls.filter(({ request }) => isBeginning(request));
      if (lostMs === 0) assert.equal(noted.length, 0, 'it notes that it begins');
    }
  });

  it('at once: the first value of a process does not wait, and is noted like the others', async () => {
    const holder = world.client('holder');
    const gate = holder.coord.semaphore('app-rollout', { initialLimit: 1 });
    await world.run(gate.acquire());
    fleet.add('host-0', { first: 'at-once' });
    fleet.add('host-1');
    await world.advance(20_000);
    assert.deepEqual(fleet.states(), ['applied', 'queued']);
    assert.deepEqual(fleet.status?.done, ['host-0']);
    let reason = '';
    fleet.instances[1]?.rollout.plan$.subscribe((plan) => {
      reason = `${plan.rule}: ${plan.reason}`;
    });
    assert.match(reason, /^gate: revision \d waits for its turn at the gate$/);
  });

  it('lost and late answers of any of its writes change nothing', async () => {
    const plain = (_: string, value: unknown): unknown =>
      typeof value === 'bigint' ? `${value}` : value;
    const isNote = (request: unknown): boolean =>
      JSON.stringify(request, plain).includes('app@rollout/');
    for (let nth = 0; nth < 6; nth++) {
      for (const fault of ['loseResponse', 'loseRequest', 'delay'] as const) {
        world = new World({ seed: testSeed() + nth });
        fleet = new Fleet(world);
        fleet.set(1);
        const { client } = fleet.add('host-0');
        fleet.isBad = (_, n) => n === 2;
        let seen = 0;
        const match = (call: { name: string; request: unknown }): boolean =>
          call.name === 'txn' && isNote(call.request) && seen++ === nth;
        if (fault === 'delay') client.store.delayRequest(match, 7000);
        else client.store[fault](match);
        await world.advance(20_000);
        const label = `${fault} ${nth}`;
        assert.deepEqual(world.keys('app@rollout/'), ['app@rollout/done/host-0'], label);
        fleet.set(2);
        await world.advance(20_000);
        assert.deepEqual(world.keys('app@rollout/').length, 2, label);
        assert.deepEqual(fleet.states(), ['failed'], label);
        assert.equal(fleet.status?.failures[0]?.kind, 'failed', label);
        fleet.set(3);
        await world.advance(30_000);
        assert.deepEqual(fleet.states(), ['applied'], label);
        assert.deepEqual(world.keys('app@rollout/'), ['app@rollout/done/host-0'], label);
        assert.equal(fleet.applied.get('host-0'), 3);
        assert.deepEqual(fleet.status?.done, ['host-0'], label);
        await world.close();
      }
    }
  });

  it('a late word on an old attempt does not hide a new one', async () => {
    const { client } = fleet.add('host-0', { soakMs: 20_000 });
    client.store.delayRequest(({ name, request }) => {
      const { success = [] } = request as TxnRequest;
      const isEnd = success.some((operation) => {
        return operation.kind === 'put' && operation.key === 'app@rollout/done/host-0';
      });
      return name === 'txn' && isEnd;
    }, 6000);
    await world.advance(21_000);
    assert.deepEqual(fleet.states(), ['applied']);
    fleet.set(2);
    await world.advance(10_000);
    assert.deepEqual(fleet.status?.trying, ['host-0']);
    client.crash();
    await world.advance(12_000);
    assert.deepEqual(
      fleet.status?.failures.map(({ kind }) => kind),
      ['crashed'],
    );
  });

  it('a turn wakes those that the gate wakes, and not the crowd', async () => {
    const counts: number[] = [];
    for (const size of [10, 60]) {
      world = new World({ seed: testSeed() });
      fleet = new Fleet(world);
      fleet.set(1);
      for (let i = 0; i < size; i++) fleet.add(`host-${i}`, { soakMs: 1000 });
      // Past the first places, which were taken while the crowd arrived.
      while (fleet.with(1) < 4) await world.advance(100);
      const events = (): number =>
        fleet.instances.reduce((sum, { client }) => sum + client.store.deliveredEventCount, 0);
      const before = events();
      while (fleet.with(1) < 8) await world.advance(100);
      counts.push(events() - before);
      await world.close();
    }
    const [few, many] = counts;
    assert.equal(few, many, 'the number of those that wait makes no difference');
    assert.ok((many ?? 0) <= 4 * 8, `${many} events in four turns`);
  });

  describe('whose first note that an attempt begins is held up', () => {
    const LATE_MS = 8000;
    const isNote = ({ request }: { readonly request: unknown }): boolean => isBeginning(request);
    const begin = async (): Promise<Instance> => {
      const instance = fleet.add('host-0');
      await world.advance(30_000);
      instance.client.store.delayRequest(isNote, LATE_MS);
      fleet.set(2);
      await world.advance(1000);
      return instance;
    };
    const arriveLate = async (): Promise<void> => {
      await world.advance(LATE_MS);
      assert.deepEqual(world.keys('app@rollout/trying/'), []);
    };

    it('begins nothing after the attempt was withdrawn', async () => {
      const { client, rollout } = await begin();
      await world.run(rollout.close());
      await arriveLate();
      client.crash();
      const other = fleet.add('host-1');
      await world.advance(60_000);
      assert.equal(other.rollout.state.kind, 'applied', 'nobody counts as dead of the value');
    });

    it('nor after the next attempt was', async () => {
      const { client, rollout } = await begin();
      fleet.set(3);
      await world.advance(1000);
      assert.deepEqual(fleet.attempts.slice(-2), [
        ['host-0', 2],
        ['host-0', 3],
      ]);
      await world.run(rollout.close());
      await arriveLate();
      await world.run(client.coord.close());
      assert.deepEqual(world.keys('app@rollout/live/'), []);
    });

    it('nor after its failure was forgotten', async () => {
      fleet.isBad = (_name, n) => n === 2;
      const { config, rollout } = await begin();
      const gate = world.client('gate').coord.semaphore('app-rollout');
      await world.run(gate.setLimit(0));
      assert.equal(await world.run(config.clearRollout()), 1);
      await arriveLate();
      fleet.isBad = () => false;
      await world.run(gate.setLimit(2));
      await world.advance(30_000);
      assert.equal(rollout.state.kind, 'applied');
    });
  });

  it('needs a name, and leaves nothing behind', async () => {
    const client = world.client('x');
    const config = client.coord.config('app/', Settings);
    const gate = client.coord.lock('one');
    const apply = (): void => undefined;
    assert.throws(
      () => config.applyWith(gate, { apply, instance: 'a/b' }),
      (error) => isCoordinationError(error, 'InvalidArgument'),
    );
    // A lock is a gate for one.
    const rollout = config.applyWith(gate, { apply });
    await world.advance(1000);
    assert.equal(rollout.state.kind, 'applied');
    await world.run(rollout.close());
    assert.equal(rollout.state.kind, 'closed');
    await world.close();
    assert.equal(world.clock.timerCount, 0);
    assert.equal(client.store.watchCount, 0);
  });
  it('closed at any moment it leaves no note of an attempt, and dies of nothing', async () => {
    for (let atMs = 0; atMs < 170; atMs++) {
      world = new World({ seed: testSeed() + atMs, latencyMaxMs: 5 });
      fleet = new Fleet(world);
      fleet.set(1);
      const { client, rollout } = fleet.add('host-0', { soakMs: 20 });
      await world.advance(1000);
      fleet.set(2);
      await world.advance(atMs);
      await world.run(rollout.close());
      await world.advance(100);
      assert.deepEqual(world.keys('app@rollout/trying/'), [], `after ${atMs} ms`);
      await world.run(client.coord.close());
      const { rollout: next } = fleet.add('host-0');
      await world.advance(10_000);
      assert.equal(next.state.kind, 'applied', `after ${atMs} ms`);
      await world.close();
    }
  });

  it('closed while it notes that it is done, it notes that', async () => {
    const { client, rollout } = fleet.add('host-0', { soakMs: 20 });
    await world.advance(1000);
    const isDone = ({ name, request }: { name: string; request: unknown }): boolean => {
      const { success = [] } = request as TxnRequest;
      return (
        name === 'txn' &&
        success.some((step) => step.kind === 'put' && step.key === 'app@rollout/done/host-0')
      );
    };
    client.store.loseRequest((call) => {
      if (!isDone(call)) return false;
      void rollout.close();
      return true;
    });
    fleet.set(2);
    await world.advance(5000);
    assert.equal(rollout.state.kind, 'closed');
    assert.deepEqual(world.keys('app@rollout/'), ['app@rollout/done/host-0']);
    assert.deepEqual(fleet.status?.done, ['host-0']);
  });
});
