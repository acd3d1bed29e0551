// Proves what administrators do: hold, release, force, change the policy, pause and forget, each
// with its entry in the audit trail, exactly once whatever answer is lost, and bounded.
import assert from 'node:assert/strict';
import { isCoordinationError, type RebootGroup } from '../../../src/recipes/index.js';
import { REBOOT_LIMITS } from '../../../src/recipes/reboot/reboot-policy.js';
import { type Client, World } from '../../support/world.js';

describe('the administration of reboot groups', () => {
  let world: World;
  let a: Client;
  let group: RebootGroup;

  beforeEach(() => {
    world = new World();
    a = world.client('ann');
    group = a.coord.reboots('workers');
  });

  const kinds = async (): Promise<string[]> =>
    (await world.run(group.log())).map(({ kind, node }) => `${kind} ${node}`.trim());

  it('forces a slot past every rule, and says so', async () => {
    await world.run(group.setPolicy({ max: 1, windows: [] }));
    await world.run(group.acquire({ node: 'n1' }));
    await world.run(group.pause());
    await world.run(group.hold({ node: 'n2' }));
    const forced = await world.run(group.force({ node: 'n2', by: 'ann', reason: 'urgent' }));
    assert.deepEqual([forced.forced, forced.phase, forced.by], [true, 'granted', 'ann']);
    const again = await world.run(group.force({ node: 'n2' }));
    assert.equal(again.revision, forced.revision);
    const { taken, max, draining } = await world.run(group.status());
    assert.deepEqual([taken, max, draining], [2, 1, true]);
    const last = (await world.run(group.log({ limit: 1 })))[0];
    assert.deepEqual(
      [last?.kind, last?.node, last?.by, last?.reason],
      ['forced', 'n2', 'ann', 'urgent'],
    );
    assert.equal(last?.revision, forced.revision);
    assert.equal(last?.atMs, world.clock.wall());
  });

  it('holds and lets go: by id, by node, and the group', async () => {
    const one = await world.run(group.hold({ node: 'n1', by: 'bob', reason: 'debugging' }));
    await world.run(group.hold({ node: 'n1', id: 'second', forSeconds: 100 }));
    await world.run(group.hold({ id: 'freeze' }));
    const { holds } = await world.run(group.status());
    assert.deepEqual(
      holds.map(({ scope, node, by, reason }) => [scope, node, by, reason]),
      [
        ['node', 'n1', 'bob', 'debugging'],
        ['node', 'n1', 'ann', ''],
        ['group', '', 'ann', ''],
      ],
    );
    assert.equal(holds[1]?.untilMs, world.clock.wall() + 100_000);
    const plan = await world.run(group.plan('n1'));
    assert.deepEqual([plan.rule, plan.blockers.length], ['node_held', 3]);
    assert.match(plan.reason, /^n1 is held back by bob: debugging$/);
    assert.deepEqual(
      (await world.run(group.unhold())).map(({ id }) => id),
      ['freeze'],
    );
    assert.deepEqual(
      (await world.run(group.unhold({ id: 'second' }))).map(({ id }) => id),
      ['second'],
    );
    assert.deepEqual(
      (await world.run(group.unhold({ node: 'n1' }))).map(({ id }) => id),
      [one.id],
    );
    assert.deepEqual(await world.run(group.unhold({ node: 'n1' })), []);
    assert.deepEqual(await kinds(), [
      'held n1',
      'held n1',
      'held',
      'unheld',
      'unheld',
      'unheld n1',
    ]);
  });

  it('keeps no more holds than it says', async () => {
    const { holds } = REBOOT_LIMITS;
    for (let at = 0; at < holds; at++) await world.run(group.hold({ id: `h${at}` }));
    await assert.rejects(world.run(group.hold({})), /has 100 holds already/);
    await world.run(group.hold({ id: 'h7', reason: 'another' }));
    assert.equal((await world.run(group.unhold())).length, holds);
  });

  it('ends a hold by the store and not by a clock on a wall', async () => {
    await world.run(group.hold({ forSeconds: 60 }));
    a.clock.jumpWall(100_000_000);
    const tried = await world.run(group.tryAcquire({ node: 'n1' }));
    assert.deepEqual([tried.ok, !tried.ok && tried.rule], [false, 'group_held']);
    await world.advance(61_000);
    assert.ok((await world.run(group.tryAcquire({ node: 'n1' }))).ok);
  });

  it('changes some of a policy, answers with all of it, and refuses what makes no sense', async () => {
    await world.run(group.setPolicy({ max: 3, cooldownSeconds: 60 }));
    const policy = await world.run(group.setPolicy({ failureBudget: 1 }));
    assert.deepEqual([policy.max, policy.cooldownSeconds, policy.failureBudget], [3, 60, 1]);
    await world.run(group.setMax('25%'));
    assert.equal((await world.run(group.status())).policy?.max, '25%');
    await assert.rejects(group.setPolicy({ soakSeconds: -1 }), /soakSeconds -1/);
    await assert.rejects(group.setMax('lots' as '1%'), /max "lots"/);
    await assert.rejects(group.hold({ forSeconds: 0 }), /forSeconds 0/);
    await assert.rejects(group.hold({ id: '' }), /id .*empty/);
    await assert.rejects(group.hold({ reason: 'x'.repeat(5000) }), (error: unknown) =>
      isCoordinationError(error, 'InvalidArgument'),
    );
  });

  it('does not pause what it cannot read, and sets it anew', async () => {
    const key = 'reboot/workers/policy';
    world.server.run(() => ({ kv: world.server.kv.put({ key, value: 'max: 3' }) }));
    await assert.rejects(world.run(group.pause()), /cannot be read; set it anew/);
    const tried = await world.run(group.tryAcquire({ node: 'n1' }));
    assert.deepEqual([tried.ok, !tried.ok && tried.rule], [false, 'group_paused']);
    assert.equal((await world.run(group.status())).policy, undefined);
    await world.run(group.setPolicy({ failureBudget: 1 }));
    assert.ok((await world.run(group.tryAcquire({ node: 'n1' }))).ok);
  });

  it('releases only the slot that was meant', async () => {
    const first = await world.run(group.acquire({ node: 'n1' }));
    await world.run(group.release({ node: 'n1' }));
    const second = await world.run(group.acquire({ node: 'n1' }));
    assert.equal(await world.run(group.release({ node: 'n1', revision: first.revision })), false);
    assert.equal(await world.run(group.release({ node: 'n1', revision: second.revision })), true);
  });

  it('keeps an audit trail of a bounded length, in order', async () => {
    const { logEntries } = REBOOT_LIMITS;
    for (let at = 0; at < logEntries + 20; at++) await world.run(group.setMax(at % 3));
    const log = await world.run(group.log());
    assert.equal(log.length, logEntries);
    assert.equal(world.keys('reboot/workers/log/').length, logEntries);
    assert.deepEqual(
      log.map(({ sequence }) => sequence),
      Array.from({ length: logEntries }, (_, at) => at + 21),
    );
    const revisions = log.map(({ revision }) => revision);
    assert.deepEqual(
      revisions,
      revisions.toSorted((x, y) => x - y),
    );
    assert.deepEqual(await world.run(group.log({ limit: 0 })), []);
    assert.equal((await world.run(group.log({ limit: 3 }))).at(-1)?.sequence, logEntries + 20);
  });

  it('lists groups, and nothing else', async () => {
    const groups = a.coord.rebootGroups();
    assert.deepEqual(await world.run(groups.list()), []);
    for (const name of ['x', 'x-y', 'x.y', 'a', 'x0']) {
      await world.run(groups.group(name).acquire({ node: 'n1' }));
    }
    for (const key of ['reboot/stray', 'reboot/x', 'reboot/not a group/slot/n1', 'rebooted']) {
      world.server.run(() => ({ kv: world.server.kv.put({ key }) }));
    }
    assert.deepEqual(await world.run(groups.list()), ['a', 'x-y', 'x.y', 'x', 'x0']);
  });

  it('gets past keys under its root that are no text', async () => {
    await world.run(a.coord.reboots('a').acquire({ node: 'n1' }));
    // Bytes that begin no character, half a character, and a mark that decoders leave out.
    for (const bytes of [
      [0xff],
      [0xff, 0x2f, 0x78],
      [0xc3, 0x2f],
      [0xef, 0xbb, 0xbf, 0x62, 0x2f],
    ]) {
      const key = Uint8Array.of(...new TextEncoder().encode('reboot/'), ...bytes);
      world.server.run(() => ({ kv: world.server.kv.put({ key }) }));
    }
    assert.deepEqual(await world.run(a.coord.rebootGroups().list({ timeoutMs: 1000 })), ['a']);
  });

  const changes: readonly (readonly [name: string, run: () => Promise<unknown>])[] = [
    ['a policy', () => group.setPolicy({ max: 2, cooldownSeconds: 5 })],
    ['a hold', () => group.hold({ id: 'h', forSeconds: 50 })],
    ['a hold of a node', () => group.hold({ id: 'h', node: 'n1' })],
    ['a pause', () => group.pause()],
    ['a forced slot', () => group.force({ node: 'n2' })],
    ['a release', () => group.release({ node: 'n1' })],
    ['a reboot', () => group.rebooting({ node: 'n1' })],
    ['a return', () => group.steady({ node: 'n1' })],
    ['forgetting', () => group.forget({ node: 'n1' })],
  ];
  for (const [name, run] of changes) {
    for (const fault of ['loseResponse', 'loseRequest'] as const) {
      it(`${name} happens once when a call is lost: ${fault}`, async () => {
        for (let fatal = 1; fatal <= 5; fatal++) {
          world = new World();
          a = world.client('ann');
          group = a.coord.reboots('workers');
          const times = { grantTimeoutSeconds: 600, rebootTimeoutSeconds: 600 };
          await world.run(group.setPolicy({ ...times, soakSeconds: 60, cooldownSeconds: 60 }));
          await world.run(group.acquire({ node: 'n1' }));
          const before = (await kinds()).length;
          let count = 0;
          a.store[fault](() => ++count === fatal);
          const done = await world.run(run());
          assert.equal((await kinds()).length, before + 1, `${name}, call ${fatal}`);
          assert.notEqual(done, false);
        }
      });
    }
  }
  it('are served whatever times other programs have written', async () => {
    const put = (key: string, value: object): void => {
      const text = JSON.stringify(value);
      world.server.run(() => world.server.kv.put({ key: `reboot/workers/${key}`, value: text }));
    };
    // Nanoseconds, and what JSON reads as infinity.
    for (const time of [1e20, -1e20]) {
      put('slot/n1', { phase: 'granted', sinceMs: time, phaseSinceMs: time });
      const full = await world.run(group.tryAcquire({ node: 'n2' }));
      assert.ok(!full.ok && full.rule === 'semaphore_full', JSON.stringify(full));
      put('cooldown/n3', { untilMs: time });
      const cooling = await world.run(group.tryAcquire({ node: 'n2' }));
      assert.ok(!cooling.ok && cooling.rule === 'cooldown');
      put('hold/h', { scope: 'group', untilMs: time });
      const held = await world.run(group.tryAcquire({ node: 'n2' }));
      assert.ok(!held.ok && held.rule === 'group_held');
      put('policy', { max: 1, paused: { by: 'x', reason: '', untilMs: Math.abs(time) } });
      const paused = await world.run(group.tryAcquire({ node: 'n2' }));
      assert.ok(!paused.ok && paused.rule === 'group_paused');
      assert.equal((await world.run(group.plan('n2'))).rule, 'group_paused');
      const all = { key: 'reboot/workers/', rangeEnd: 'reboot/workers0' };
      world.server.run(() => ({ gone: world.server.kv.delete(all) }));
    }
  });

  it('take no id of a hold that does not come back from its bytes', async () => {
    await assert.rejects(world.run(group.hold({ id: 'x\ud800' })), (error) =>
      isCoordinationError(error, 'InvalidArgument'),
    );
  });
});
