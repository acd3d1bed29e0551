// Proves that a simulated cluster is one: members elect, lose power, come back and are alike; and
// that the eyes on it see what is wrong: a member that stops without a reason, one that says
// something is wrong, states that differ after the same entry, and a promise that is not on disk.
import assert from 'node:assert/strict';
import { Findings } from '../../src/simulation/findings.js';
import { ClusterJudge } from '../../src/simulation/cluster/cluster-judge.js';
import type { SimMember } from '../../src/simulation/cluster/sim-member.js';
import { RunTrace } from '../../src/simulation/run-trace.js';
import { World } from '../../src/simulation/scenario/world.js';
import { Simulation } from '../../src/simulation/simulation.js';
import { settle } from './settle.js';

async function startedWorld(memberCount: number): Promise<World> {
  const sim = new Simulation({ seed: 5, settle });
  const world = new World({ sim, memberCount, callsPerSecond: 10 });
  await sim.run(world.cluster.start(), 10_000);
  await sim.run(
    world.until(() => world.cluster.leader !== undefined, 10_000),
    20_000,
  );
  return world;
}

function leaderOf(world: World): SimMember {
  const { leader } = world.cluster;
  assert.ok(leader !== undefined, 'nobody leads');
  return leader;
}

describe('SimCluster', () => {
  it('has one leader, and another one when that is gone', async () => {
    const world = await startedWorld(3);
    const first = leaderOf(world);
    first.crash('power');
    await world.sim.advance(10_000);
    const second = leaderOf(world);
    assert.notEqual(second, first);
    await world.sim.run(first.start(), 10_000);
    const { store } = world.addClient();
    await world.sim.run(store.put({ key: 'a', value: '1' }), 5000);
    await world.sim.advance(2000);
    const indexes = world.cluster.members.map(({ kernel }) => kernel?.status().appliedIndex);
    assert.equal(new Set(indexes).size, 1, String(indexes));
    assert.equal(indexes[0], world.cluster.judge.appliedMax);
    assert.deepEqual(world.findings.violations, []);
  });

  it('finds out that a process has ended, and not that a machine is gone', async () => {
    const elections: number[] = [];
    for (const kind of ['kill', 'power'] as const) {
      const world = await startedWorld(5);
      const first = leaderOf(world);
      const endMs = world.sim.nowMs;
      first.crash(kind);
      const isReplaced = (): boolean => (world.cluster.leader ?? first) !== first;
      await world.sim.run(world.until(isReplaced, 10_000, 1), 20_000);
      elections.push(world.sim.nowMs - endMs);
      assert.deepEqual(world.findings.violations, []);
    }
    const [killed = 0, dark = 0] = elections;
    const { electionTicks, heartbeatMs } = (await startedWorld(3)).cluster.settings;
    assert.ok(
      killed < 2 * heartbeatMs && dark > (electionTicks - 1) * heartbeatMs,
      elections.join(),
    );
  });

  it('takes a member in, and lets one go', async () => {
    const world = await startedWorld(3);
    const { sim, cluster } = world;
    const kernel = leaderOf(world).kernel;
    assert.ok(kernel !== undefined);
    const joiner = cluster.newMember();
    await sim.run(kernel.addMember({ ...joiner.record, isLearner: true }), 10_000);
    await sim.run(joiner.start(), 10_000);
    await sim.advance(3000);
    await sim.run(kernel.promoteMember(joiner.id), 10_000);
    const leaver = cluster.members.find((member) => member !== cluster.leader);
    assert.ok(leaver !== undefined);
    leaver.excuseDirectory('removed');
    await sim.run(kernel.removeMember(leaver.id), 10_000);
    cluster.forget(leaver);
    await sim.advance(5000);
    const members = await sim.run(kernel.members(true), 5000);
    assert.deepEqual(
      members.map(({ name, isLearner }) => [name, isLearner]),
      cluster.members.map(({ name }) => [name, false]),
    );
    assert.equal(leaver.kernel, undefined);
    assert.deepEqual(world.findings.violations, []);
  });

  it('finds a member that stops without a reason', async () => {
    const world = await startedWorld(1);
    const member = leaderOf(world);
    member.backend.failNextCommit(new Error('out of the blue'));
    const { store } = world.addClient();
    await world.sim.run(
      store.put({ key: 'a' }).catch(() => undefined),
      5000,
    );
    await world.sim.advance(1000);
    const found = world.findings.violations.map(({ property }) => property);
    assert.deepEqual(found, ['trace', 'crash-stop']);
    assert.equal(member.state, 'stopped');
  });

  it('starts a member again that stopped for a reason', async () => {
    const world = await startedWorld(1);
    const member = leaderOf(world);
    member.excuseFor('planned');
    member.backend.failNextCommit(new Error('planned'));
    const { store } = world.addClient();
    await world.sim.run(
      store.put({ key: 'a' }).catch(() => undefined),
      5000,
    );
    await world.sim.advance(5000);
    assert.deepEqual(world.findings.violations, []);
    assert.equal(member.state, 'up');
  });

  it('lets a member end in any of its calls, and never twice', async () => {
    const world = await startedWorld(1);
    const member = leaderOf(world);
    const { store } = world.addClient({ timeoutMs: 300 });
    for (let nth = 1; nth <= 40; nth++) {
      const { process } = member;
      process?.endAtCall(nth);
      for (let at = 0; at < 40 && process?.isAlive === true; at++) {
        const put = store.put({ key: 'a', value: `${nth}.${at}` }).catch(() => undefined);
        await world.sim.run(put, 5000);
      }
      assert.equal(member.state, 'down');
      await world.sim.run(member.start(), 10_000);
      assert.equal(member.state, 'up');
    }
    assert.deepEqual(world.findings.violations, []);
  });
});

describe('ClusterJudge', () => {
  const confState = {
    voters: [1n, 2n],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  const entry = { term: 1, index: 7, kind: 'normal', data: new Uint8Array(0) } as const;

  function judged(): { readonly judge: ClusterJudge; readonly findings: Findings } {
    const findings = new Findings(() => 0);
    const trace = new RunTrace(() => 0, undefined);
    return { judge: new ClusterJudge(confState, findings, trace), findings };
  }

  it('finds states that differ after the same entry', () => {
    const { judge, findings } = judged();
    judge.probe(1n, 'one', () => true).applied(entry, 5, 1234);
    const two = judge.probe(2n, 'two', () => true);
    two.applied(entry, 5, 1234);
    assert.equal(findings.violations.length, 0);
    two.applied(entry, 5, 4321);
    assert.equal(findings.violations[0]?.property, 'S1');
  });

  it('finds an acknowledgement of what is not on the disk', () => {
    const { judge, findings } = judged();
    const probe = judge.probe(1n, 'one', () => true);
    const accepted = {
      kind: 'appendAccepted',
      from: 1n,
      to: 2n,
      term: 1,
      matchIndex: 1,
    } as const;
    probe.persisted([{ ...entry, index: 1 }], { term: 1, vote: 2n, commit: 0 }, false);
    probe.sending(accepted);
    assert.equal(findings.violations[0]?.property, 'S2');
    const later = judged();
    const honest = later.judge.probe(1n, 'one', () => true);
    honest.persisted([{ ...entry, index: 1 }], { term: 1, vote: 2n, commit: 0 }, true);
    honest.sending(accepted);
    assert.deepEqual(later.findings.violations, []);
  });

  it('sees nothing of a process that is gone', () => {
    const { judge, findings } = judged();
    judge.probe(1n, 'one', () => true).applied(entry, 5, 1234);
    judge.probe(2n, 'two', () => false).applied(entry, 5, 4321);
    assert.deepEqual(findings.violations, []);
  });
});
