// Proves the life of a slot: that time by the store's clock makes it stuck and never free, that
// stuck nodes stop the group beyond the budget and not before, that a restart is no reboot, that a
// soak ends by itself, and that a cooldown keeps everybody waiting for as long as it says.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { RebootGroup, RebootHolder, RebootPhase } from '../../../src/recipes/index.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const text = (call: ModelCall): string =>
  call.name === 'txn' ? inspect(call.request, { depth: 9 }) : '';

describe('a reboot slot', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let groupA: RebootGroup;
  let groupB: RebootGroup;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
    groupA = a.coord.reboots('workers');
    groupB = b.coord.reboots('workers');
  });

  const phaseOf = async (node: string): Promise<RebootPhase | undefined> => {
    const { holders } = await world.run(groupB.status());
    return holders.find((holder) => holder.node === node)?.phase;
  };
  const askB = async (node: string): Promise<string> => {
    const tried = await world.run(groupB.tryAcquire({ node }));
    return tried.ok ? 'ok' : tried.rule;
  };

  it('goes through its phases, one step each', async () => {
    await world.run(groupA.setPolicy({ rebootTimeoutSeconds: 600, soakSeconds: 60 }));
    await world.run(groupA.acquire({ node: 'n1', bootId: 'one' }));
    const gone = await world.run(groupA.rebooting({ node: 'n1' }));
    assert.equal(gone?.phase, 'rebooting');
    assert.equal(await phaseOf('n1'), 'rebooting');
    await world.advance(500_000);
    const back = await world.run(groupB.steady({ node: 'n1', bootId: 'two' }));
    assert.deepEqual([back.state, back.holder?.phase], ['soaking', 'soaking']);
    await world.advance(59_000);
    assert.equal(await askB('n2'), 'semaphore_full');
    await world.advance(2000);
    assert.equal(await phaseOf('n1'), undefined);
    assert.equal(await askB('n2'), 'ok');
    const kinds = (await world.run(groupA.log())).map(({ kind, node }) => `${kind} ${node}`);
    assert.deepEqual(kinds, [
      'policy ',
      'granted n1',
      'rebooting n1',
      'soaking n1',
      'released n1',
      'granted n2',
    ]);
  });

  it('is stuck and not free when its node does not reboot in time, or does not come back', async () => {
    const times = { grantTimeoutSeconds: 100, rebootTimeoutSeconds: 300 };
    await world.run(groupA.setPolicy({ ...times, max: 2, failureBudget: 2 }));
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(groupA.acquire({ node: 'n2' }));
    await world.run(groupA.rebooting({ node: 'n2' }));
    await world.advance(99_000);
    assert.deepEqual([await phaseOf('n1'), await phaseOf('n2')], ['granted', 'rebooting']);
    await world.advance(2000);
    assert.deepEqual([await phaseOf('n1'), await phaseOf('n2')], ['stuck', 'rebooting']);
    await world.advance(200_000);
    assert.deepEqual([await phaseOf('n1'), await phaseOf('n2')], ['stuck', 'stuck']);
    assert.deepEqual(world.keys('reboot/workers/slot/').length, 2);
    const { taken, stuck, exhausted } = await world.run(groupB.status());
    assert.deepEqual([taken, stuck, exhausted], [0, 2, false]);
  });

  it('lets others go on within the budget, and stops everybody beyond it', async () => {
    await world.run(groupA.setPolicy({ rebootTimeoutSeconds: 10, failureBudget: 1 }));
    for (const node of ['n1', 'n2']) {
      await world.run(groupA.acquire({ node }));
      await world.run(groupA.rebooting({ node }));
      await world.advance(11_000);
    }
    assert.equal(await askB('n3'), 'failure_budget_exhausted');
    const waiting = peek(groupB.acquire({ node: 'n3' }));
    await world.advance(1_000_000);
    assert.equal(waiting.value, undefined, 'a bad image walks through the fleet');
    const { exhausted, holders } = await world.run(groupA.status());
    assert.equal(exhausted, true);
    assert.deepEqual(
      holders.map(({ node, phase }) => `${node} ${phase}`),
      ['n1 stuck', 'n2 stuck'],
    );
    const kinds = (await world.run(groupA.log())).filter(({ kind }) => kind === 'stuck');
    assert.deepEqual(
      kinds.map(({ node, reason }) => `${node}: ${reason}`),
      ['n1: not back within 10 s', 'n2: not back within 10 s'],
    );
    await world.run(groupA.release({ node: 'n1', by: 'admin', reason: 'repaired' }));
    await world.run(waiting.promise);
  });

  it('is welcome to come back late', async () => {
    await world.run(groupA.setPolicy({ rebootTimeoutSeconds: 10 }));
    await world.run(groupA.acquire({ node: 'n1', bootId: 'one' }));
    await world.run(groupA.rebooting({ node: 'n1' }));
    await world.advance(60_000);
    assert.equal(await askB('n2'), 'failure_budget_exhausted');
    const back = await world.run(groupA.steady({ node: 'n1', bootId: 'two' }));
    assert.equal(back.state, 'released');
    assert.equal(await askB('n2'), 'ok');
  });

  it('counts a clock that runs out between the look and the grant', async () => {
    await world.run(groupA.setPolicy({ max: 2, rebootTimeoutSeconds: 10 }));
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(groupA.rebooting({ node: 'n1' }));
    const [lease] = world.server.leaseIds;
    b.store.loseRequest((call) => {
      // Just before the grant arrives, the time of the other node is up.
      if (text(call).includes('/slot/n2')) world.server.run(() => world.server.revoke(lease ?? 0n));
      return false;
    });
    assert.equal(await askB('n2'), 'failure_budget_exhausted');
    assert.equal(await phaseOf('n2'), undefined);
  });

  it('is not given back by an agent that only restarted', async () => {
    await world.run(groupA.acquire({ node: 'n1', bootId: 'one' }));
    const restart = await world.run(groupA.steady({ node: 'n1', bootId: 'one' }));
    assert.equal(restart.state, 'not-rebooted');
    assert.equal(restart.holder?.phase, 'granted');
    assert.equal(await phaseOf('n1'), 'granted');
    const reboot = await world.run(groupA.steady({ node: 'n1', bootId: 'two' }));
    assert.equal(reboot.state, 'released');
    const nothing = await world.run(groupA.steady({ node: 'n1', bootId: 'two' }));
    assert.deepEqual(nothing, { state: 'not-held', holder: undefined });
  });

  it('is given back by those who know of no boot ids', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    assert.equal((await world.run(groupA.steady({ node: 'n1', bootId: 'x' }))).state, 'released');
    await world.run(groupA.acquire({ node: 'n1', bootId: 'one' }));
    assert.equal((await world.run(groupA.steady({ node: 'n1' }))).state, 'released');
  });

  it('is kept for another boot by a node that asks again after one', async () => {
    const first = await world.run(groupA.acquire({ node: 'n1', bootId: 'one' }));
    await world.run(groupA.rebooting({ node: 'n1' }));
    const again = await world.run(groupA.acquire({ node: 'n1', bootId: 'two' }));
    assert.deepEqual(
      [again.revision, again.bootId, again.phase],
      [first.revision, 'two', 'granted'],
    );
    const restart = await world.run(groupA.steady({ node: 'n1', bootId: 'two' }));
    assert.equal(restart.state, 'not-rebooted');
  });

  it('that soaks can be had again, by the rules of the moment, and its soak does not end it', async () => {
    await world.run(groupA.setPolicy({ soakSeconds: 60, cooldownSeconds: 30 }));
    await world.run(groupA.acquire({ node: 'n1', bootId: 'one' }));
    await world.run(groupA.steady({ node: 'n1', bootId: 'two' }));
    await world.run(groupA.hold({ node: 'n1' }));
    assert.equal(await askB('n1'), 'node_held');
    await world.run(groupA.unhold({ node: 'n1' }));
    const again = await world.run(groupB.acquire({ node: 'n1', bootId: 'two' }));
    assert.equal(again.phase, 'granted');
    await world.advance(200_000);
    assert.equal(await phaseOf('n1'), 'granted');
  });

  it('soaks to its end though nobody is there to see it', async () => {
    await world.run(groupA.setPolicy({ soakSeconds: 60, cooldownSeconds: 100 }));
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(groupA.steady({ node: 'n1' }));
    await world.advance(61_000);
    const { holders, cooling } = await world.run(groupB.status());
    assert.deepEqual([holders, cooling], [[], ['n1']]);
    assert.equal(await askB('n2'), 'cooldown');
    await world.advance(100_000);
    assert.deepEqual((await world.run(groupB.status())).cooling, []);
    assert.equal(await askB('n2'), 'ok');
  });

  it('soaks from the beginning when its node goes down meanwhile', async () => {
    await world.run(groupA.setPolicy({ soakSeconds: 60 }));
    await world.run(groupA.acquire({ node: 'n1', bootId: 'one' }));
    await world.run(groupA.steady({ node: 'n1', bootId: 'two' }));
    await world.advance(50_000);
    await world.run(groupA.steady({ node: 'n1', bootId: 'two' }));
    assert.equal(
      (await world.run(groupA.steady({ node: 'n1', bootId: 'three' }))).state,
      'soaking',
    );
    await world.advance(50_000);
    assert.equal(await phaseOf('n1'), 'soaking');
    await world.advance(11_000);
    assert.equal(await phaseOf('n1'), undefined);
    assert.deepEqual(world.server.leaseIds, []);
  });

  it('can be the condition of a transaction', async () => {
    const slot = await world.run(groupA.acquire({ node: 'n1' }));
    const write = (): Promise<boolean> =>
      world
        .run(b.store.txn({ compare: [groupA.guard(slot)], success: [{ kind: 'put', key: 'k' }] }))
        .then(({ succeeded }) => succeeded);
    await world.run(groupA.rebooting({ node: 'n1' }));
    assert.equal(await write(), true);
    await world.run(groupA.release({ node: 'n1' }));
    await world.run(groupA.acquire({ node: 'n1' }));
    assert.equal(await write(), false);
  });

  it('leaves a cooldown behind, from its end and for everybody', async () => {
    await world.run(groupA.setPolicy({ max: 3, cooldownSeconds: 300 }));
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(groupA.acquire({ node: 'n2' }));
    await world.run(groupA.steady({ node: 'n1' }));
    const waiting = peek(groupB.acquire({ node: 'n3' }));
    await world.advance(299_000);
    assert.equal(waiting.value, undefined);
    await world.advance(2000);
    assert.ok(waiting.value !== undefined);
  });

  it('does not cool down while it soaks', async () => {
    await world.run(groupA.setPolicy({ max: 2, soakSeconds: 600, cooldownSeconds: 300 }));
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(groupA.steady({ node: 'n1' }));
    assert.equal(await askB('n2'), 'ok');
  });

  it('tells those who waited when its node is stuck, at once and once', async () => {
    await world.run(groupA.setPolicy({ rebootTimeoutSeconds: 30, failureBudget: 1 }));
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(groupA.rebooting({ node: 'n1' }));
    const next: { value?: RebootHolder } = peek(groupB.acquire({ node: 'n2' }));
    await world.advance(29_000);
    assert.equal(next.value, undefined);
    await world.advance(2000);
    assert.ok(next.value !== undefined);
  });

  it('is revived by nothing but coming back: a stuck node that asks again is still stuck', async () => {
    await world.run(groupA.setPolicy({ grantTimeoutSeconds: 10 }));
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.advance(11_000);
    const again = await world.run(groupA.acquire({ node: 'n1' }));
    assert.equal(again.phase, 'stuck');
    assert.equal((await world.run(groupA.rebooting({ node: 'n1' })))?.phase, 'stuck');
  });

  it('made before there were phases is one that was granted', async () => {
    const key = 'reboot/workers/slot/old';
    const value = '{"sinceMs":5,"by":"x","reason":"y","bootId":""}';
    world.server.run(() => ({ kv: world.server.kv.put({ key, value }) }));
    assert.equal(await phaseOf('old'), 'granted');
    assert.equal(await askB('n2'), 'semaphore_full');
    assert.equal((await world.run(groupA.steady({ node: 'old' }))).state, 'released');
  });
});
