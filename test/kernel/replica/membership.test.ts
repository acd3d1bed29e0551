// Proves that the members change as etcd has it: through any member, one change at a time, by its
// rules and with its errors, alike on all members, and that ids which were removed stay so.
import assert from 'node:assert/strict';
import { CLUSTER_SETTINGS, type LiteMember } from '../../support/sim-cluster-lite.js';
import { follower, idsAt, record, started } from './member-changes.js';

describe('changes of the members', () => {
  it('made through a follower are applied there when the call returns', async () => {
    const cluster = await started({ seed: 1 });
    const through = follower(cluster);
    const added = await cluster.run(through.running.addMember(record(9n, { isLearner: true })));
    assert.deepEqual(
      added.map(({ id }) => id),
      [1n, 2n, 3n, 9n],
    );
    const left = await cluster.run(through.running.removeMember(9n));
    assert.equal(left.length, 3);
    for (const id of [1n, 2n, 3n]) assert.deepEqual(await idsAt(cluster, id), [1n, 2n, 3n]);
    await cluster.close();
  });

  it('survive a restart of everybody', async () => {
    const cluster = await started({ seed: 2 });
    await cluster.run(cluster.kernel(1n).addMember(record(9n, { isLearner: true })));
    await cluster.run(cluster.kernel(1n).removeMember(9n));
    await cluster.run(cluster.kernel(1n).addMember(record(8n, { isLearner: true })));
    for (const id of [1n, 2n, 3n]) cluster.crash(id);
    for (const id of [1n, 2n, 3n]) await cluster.start(id);
    await cluster.elect();
    for (const id of [1n, 2n, 3n]) assert.deepEqual(await idsAt(cluster, id), [1n, 2n, 3n, 8n]);
    const again = cluster.kernel(2n).addMember(record(9n));
    assert.equal(await cluster.codeOf(again), 'MemberNotFound');
    await cluster.close();
  });

  it('are refused with the errors of etcd', async () => {
    const cluster = await started({ seed: 3 });
    for (const through of [cluster.leader as LiteMember, follower(cluster)]) {
      const { running } = through;
      const code = (change: Promise<unknown>): Promise<string | undefined> =>
        cluster.codeOf(change);
      assert.equal(await code(running.addMember(record(2n))), 'MemberExists');
      const taken = { peerUrls: ['http://x:1', 'http://m1:2380'] };
      assert.equal(await code(running.addMember(record(9n, taken))), 'PeerUrlExists');
      assert.equal(await code(running.addMember(record(9n, { peerUrls: [] }))), 'BadMemberUrls');
      assert.equal(await code(running.removeMember(9n)), 'MemberNotFound');
      assert.equal(await code(running.promoteMember(9n)), 'MemberNotFound');
      assert.equal(await code(running.promoteMember(1n)), 'NotLearner');
      assert.equal(await code(running.updateMember(9n, ['http://y:1'])), 'MemberNotFound');
      assert.equal(await code(running.updateMember(2n, ['http://m1:2380'])), 'PeerUrlExists');
      assert.equal(await code(running.updateMember(2n, [])), 'BadMemberUrls');
    }
    await cluster.close();
  });

  it('take one learner, unless the settings say otherwise', async () => {
    const cluster = await started({ seed: 4 });
    await cluster.run(cluster.kernel(1n).addMember(record(9n, { isLearner: true })));
    const second = cluster.kernel(1n).addMember(record(8n, { isLearner: true }));
    assert.equal(await cluster.codeOf(second), 'TooManyLearners');
    await cluster.close();
    const roomy = await started({ seed: 4, settings: { ...CLUSTER_SETTINGS, learnersMax: 2 } });
    await roomy.run(roomy.kernel(1n).addMember(record(9n, { isLearner: true })));
    await roomy.run(roomy.kernel(1n).addMember(record(8n, { isLearner: true })));
    await roomy.close();
  });

  it('do not endanger the quorum', async () => {
    const cluster = await started({ seed: 5 });
    const leader = cluster.leader as LiteMember;
    const down = follower(cluster);
    cluster.crash(down.id);
    await cluster.advance(3000);
    const [up] = cluster.running.filter(({ id }) => id !== leader.id);
    assert.ok(up !== undefined);
    assert.equal(await cluster.codeOf(leader.running.removeMember(up.id)), 'UnhealthyCluster');
    assert.equal(await cluster.codeOf(leader.running.addMember(record(5n))), 'UnhealthyCluster');
    // A learner may come while one is down, a voter once that one is removed, and no second one
    // before the first has started.
    await cluster.run(leader.running.addMember(record(9n, { isLearner: true })));
    assert.equal((await cluster.run(leader.running.removeMember(down.id))).length, 3);
    await cluster.run(leader.running.addMember(record(7n)));
    assert.equal(await cluster.codeOf(leader.running.addMember(record(6n))), 'NotEnoughStarted');
    await cluster.close();
  });

  it('do not let a member go that is not heard while another one is gone', async () => {
    let tried = 0;
    for (let seed = 30; seed < 36; seed++) {
      const cluster = await started({ seed });
      const leader = cluster.leader as LiteMember;
      const [gone, quiet] = cluster.running.filter(({ id }) => id !== leader.id);
      assert.ok(gone !== undefined && quiet !== undefined);
      cluster.crash(gone.id);
      await cluster.advance(1500 + 100 * (seed - 30));
      cluster.cut(leader.id, quiet.id);
      await cluster.advance(1150);
      // It leads until it looks for its quorum again, and that is what is asked for here.
      if (leader.running.status().role === 'leader') {
        tried++;
        const removal = leader.running.removeMember(quiet.id);
        cluster.heal();
        assert.equal(await cluster.codeOf(removal), 'UnhealthyCluster');
      }
      await cluster.close();
    }
    assert.ok(tried > 0);
  });

  it('endanger it where the check is off', async () => {
    const settings = { ...CLUSTER_SETTINGS, strictReconfigCheck: false };
    const cluster = await started({ seed: 6, settings });
    const leader = cluster.leader as LiteMember;
    cluster.crash(follower(cluster).id);
    await cluster.advance(3000);
    const up = follower(cluster);
    assert.equal((await cluster.run(leader.running.removeMember(up.id))).length, 2);
    await cluster.close();
  });

  it('down to one member leave one that decides alone', async () => {
    const cluster = await started({ seed: 7 });
    const leader = cluster.leader as LiteMember;
    for (const { id } of [...cluster.running]) {
      if (id === leader.id) continue;
      await cluster.run(leader.running.removeMember(id));
      await cluster.stop(id);
    }
    assert.equal((await cluster.run(leader.running.members(true))).length, 1);
    await cluster.run(leader.running.store.put({ key: 'a', value: '' }));
    const last = leader.running.removeMember(leader.id);
    assert.equal(await cluster.codeOf(last), 'NotEnoughStarted');
    cluster.crash(leader.id);
    await cluster.start(leader.id);
    await cluster.elect();
    assert.equal((await cluster.run(leader.running.store.range({ key: 'a' }))).count, 1);
    await cluster.close();
  });

  it('are known to be committed after any crash', async () => {
    for (let seed = 20; seed < 24; seed++) {
      const cluster = await started({ seed, size: 2 });
      const leader = cluster.leader as LiteMember;
      const other = follower(cluster);
      await cluster.run(leader.running.removeMember(other.id));
      cluster.crash(leader.id);
      cluster.crash(other.id);
      await cluster.start(leader.id);
      // The other one, whose consent the old configuration asks for, never comes back.
      await cluster.until(() => leader.running.status().role === 'leader');
      await cluster.close();
    }
  });

  it('through the member that is to go are answered before it goes', async () => {
    for (const seed of [11, 12, 13, 14]) {
      const cluster = await started({ seed });
      const leaving = follower(cluster);
      const left = await cluster.run(leaving.running.removeMember(leaving.id));
      assert.equal(left.length, 2);
      assert.ok(left.every(({ id }) => id !== leaving.id));
      await cluster.advance(3000);
      assert.match((await leaving.running.failed).message, /removed/);
      await cluster.close();
    }
  });

  it('under way at the same time are made one after the other', async () => {
    const cluster = await started({ seed: 9, settings: { ...CLUSTER_SETTINGS, learnersMax: 5 } });
    const ids = [11n, 12n, 13n, 14n];
    await cluster.run(
      Promise.all(
        ids.map((id, at) =>
          cluster.kernel(BigInt(1 + (at % 3))).addMember(record(id, { isLearner: true })),
        ),
      ),
    );
    for (const id of [1n, 2n, 3n]) assert.equal((await idsAt(cluster, id)).length, 7);
    await cluster.close();
  });

  it('are given up when there is no quorum to make them', async () => {
    const cluster = await started({ seed: 10 });
    const leader = cluster.leader as LiteMember;
    cluster.isolate(leader.id);
    await cluster.advance(3000);
    const change = leader.running.addMember(record(9n, { isLearner: true }));
    assert.equal(await cluster.codeOf(change), 'Timeout');
    await cluster.close();
  });

  it('of addresses are told to every network', async () => {
    const cluster = await started({ seed: 11 });
    const urls = ['http://elsewhere:2380'];
    await cluster.run(cluster.kernel(1n).updateMember(3n, urls));
    await cluster.advance(500);
    for (const id of [1n, 2n]) {
      const peer = cluster.member(id).peers.find((one) => one.id === 3n);
      assert.deepEqual(peer?.urls, urls);
    }
    await cluster.close();
  });
});

describe('a member that is made a cluster of its own', () => {
  it('keeps what it has, drops the others, and stays alone', async () => {
    const cluster = await started({ seed: 15 });
    await cluster.run(cluster.kernel(1n).store.put({ key: 'a', value: '1' }));
    await cluster.advance(500);
    for (const id of [1n, 2n, 3n]) cluster.crash(id);
    const kernel = await cluster.start(1n, { forceNewCluster: true });
    assert.equal(kernel.status().role, 'leader');
    assert.deepEqual(await idsAt(cluster, 1n), [1n]);
    await cluster.run(kernel.store.put({ key: 'b', value: '2' }));
    const forced = (): number =>
      cluster.member(1n).events.filter(({ name }) => name === 'all other members dropped by force')
        .length;
    assert.equal(forced(), 1);
    cluster.crash(1n);
    const again = await cluster.start(1n);
    assert.equal(again.status().role, 'leader');
    assert.equal(again.header().revision, 3);
    await cluster.stop(1n);
    await cluster.start(1n, { forceNewCluster: true });
    assert.equal(forced(), 1);
    await cluster.start(2n);
    await cluster.until(() => cluster.member(2n).failure !== undefined);
    await cluster.close();
  });
});
