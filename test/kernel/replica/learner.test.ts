// Proves that a learner has everything and decides nothing, until it is promoted.
import assert from 'node:assert/strict';
import type { LiteMember } from '../../support/sim-cluster-lite.js';
import { started } from './member-changes.js';

describe('a learner', () => {
  it('is up to date, has no vote, and becomes a voter when it is promoted', async () => {
    const cluster = await started({ seed: 12, learners: [3n] });
    const learner = cluster.member(3n);
    assert.equal(learner.running.status().isLearner, true);
    await cluster.run(cluster.kernel(1n).store.put({ key: 'a', value: '1' }));
    const { kvs } = await cluster.run(learner.running.store.range({ key: 'a' }));
    assert.equal(kvs.length, 1);
    const code = await cluster.codeOf((cluster.leader as LiteMember).running.moveLeader(3n));
    assert.equal(code, 'BadLeaderTransferee');
    const members = await cluster.run(learner.running.promoteMember(3n));
    assert.equal(members.find(({ id }) => id === 3n)?.isLearner, false);
    assert.equal(learner.running.status().isLearner, false);
    const leader = cluster.leader as LiteMember;
    await cluster.run(leader.running.moveLeader(3n));
    assert.equal(learner.running.status().role, 'leader');
    assert.equal(await cluster.codeOf(learner.running.promoteMember(3n)), 'NotLearner');
    await cluster.close();
  });

  it('that lags is not promoted', async () => {
    const cluster = await started({ seed: 13, learners: [3n] });
    cluster.isolate(3n);
    for (let at = 0; at < 40; at++) {
      await cluster.run(cluster.kernel(1n).store.put({ key: 'a', value: `${at}` }));
    }
    assert.equal(await cluster.codeOf(cluster.kernel(1n).promoteMember(3n)), 'LearnerNotReady');
    cluster.heal();
    await cluster.advance(2000);
    await cluster.run(cluster.kernel(1n).promoteMember(3n));
    await cluster.close();
  });

  it('never leads, and is no help to a quorum', async () => {
    const cluster = await started({ seed: 14, learners: [3n] });
    const leader = cluster.leader as LiteMember;
    const voter = cluster.running.find(({ id }) => id !== leader.id && id !== 3n) as LiteMember;
    cluster.crash(voter.id);
    assert.equal(
      await cluster.codeOf(leader.running.store.put({ key: 'a', value: '' })),
      'Timeout',
    );
    await cluster.advance(5000);
    assert.equal(cluster.kernel(3n).status().role, 'follower');
    assert.equal(cluster.leader, undefined);
    await cluster.close();
  });
});
