// Proves that the members change as etcd has it: through any member, one change at a time, by its
// rules and with its errors, alike on all members, and that ids which were removed stay so.
import assert from 'node:assert/strict';
import type { MemberRecord } from '../../../src/kernel/index.js';
import { readFrame } from '../../../src/kernel/codec/peer-frame.js';
import { decodePeerMessage } from '../../../src/kernel/codec/peer-message.js';
import {
  ClusterLite,
  CLUSTER_SETTINGS,
  ELECTION_MS,
  type LiteMember,
  type Sent,
} from '../../support/sim-cluster-lite.js';

function record(id: bigint, rest: Partial<MemberRecord> = {}): MemberRecord {
  return {
    id,
    name: '',
    peerUrls: [`http://new${id}:2380`],
    clientUrls: [],
    isLearner: false,
    ...rest,
  };
}

async function started(
  options: ConstructorParameters<typeof ClusterLite>[0],
): Promise<ClusterLite> {
  const cluster = await new ClusterLite(options).startAll();
  await cluster.elect();
  await cluster.advance(1000);
  return cluster;
}

function follower(cluster: ClusterLite): LiteMember {
  const found = cluster.running.find(({ id }) => id !== cluster.leader?.id);
  assert.ok(found !== undefined);
  return found;
}

/** Whether it is the word to campaign at once. */
function handsOver({ frame }: Sent): boolean {
  const { kind, body } = readFrame(frame);
  return kind === 'raft' && decodePeerMessage(body).kind === 'timeoutNow';
}

async function idsAt(cluster: ClusterLite, id: bigint): Promise<readonly bigint[]> {
  const members = await cluster.run(cluster.kernel(id).members(true));
  return members.map((member) => member.id);
}

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

  it('may remove the leader, and the others go on', async () => {
    const cluster = await started({ seed: 8 });
    const leader = cluster.leader as LiteMember;
    const through = follower(cluster);
    await cluster.run(through.running.removeMember(leader.id));
    await cluster.until(() => leader.failure !== undefined);
    await cluster.stop(leader.id);
    const next = await cluster.elect();
    assert.notEqual(next.id, leader.id);
    await cluster.run(through.running.store.put({ key: 'a', value: '' }));
    assert.equal((await cluster.run(through.running.members(true))).length, 2);
    await cluster.close();
  });

  it('that remove the leader come after it has handed over, and nobody waits for a leader', async () => {
    for (const seed of [41, 42, 43]) {
      const cluster = await started({ seed });
      const leader = cluster.leader as LiteMember;
      const [through, other] = cluster.running.filter(({ id }) => id !== leader.id);
      assert.ok(through !== undefined && other !== undefined);
      const { raftTerm } = leader.running.status();
      const from = seed === 42 ? through : leader;
      const removed = cluster.run(from.running.removeMember(leader.id));
      const led: bigint[] = [];
      for (let ms = 0; ms < 5 * ELECTION_MS; ms++) {
        led.push(other.running.status().leader);
        const { length } = await other.running.members(false);
        if (length === 2) break;
        await cluster.advance(1);
      }
      await removed;
      const heirs = [through.id, other.id];
      assert.ok(heirs.includes(led.at(-1) ?? 0n), 'another one led before the change was made');
      assert.equal(other.running.status().raftTerm, raftTerm + 1);
      const leaderlessMs = led.filter((id) => id === 0n).length;
      assert.ok(leaderlessMs < CLUSTER_SETTINGS.heartbeatMs / 4, `${leaderlessMs} ms without one`);
      await cluster.advance(2 * ELECTION_MS);
      assert.equal(other.running.status().raftTerm, raftTerm + 1);
      await cluster.close();
    }
  });

  it('that are refused let the leader lead on', async () => {
    const cluster = await started({ seed: 44 });
    const leader = cluster.leader as LiteMember;
    const { raftTerm } = leader.running.status();
    cluster.isolate(follower(cluster).id);
    await cluster.advance(2 * ELECTION_MS);
    const removal = leader.running.removeMember(leader.id);
    assert.equal(await cluster.codeOf(removal), 'UnhealthyCluster');
    assert.equal(leader.running.status().raftTerm, raftTerm);
    assert.equal(leader.running.status().role, 'leader');
    await cluster.close();
  });

  it('remove the leader all the same when nobody takes over', async () => {
    const cluster = await started({ seed: 45 });
    const leader = cluster.leader as LiteMember;
    cluster.loses = handsOver;
    const left = await cluster.run(leader.running.removeMember(leader.id));
    assert.equal(left.length, 2);
    await cluster.until(() => leader.failure !== undefined);
    await cluster.close();
  });

  it('may remove the leader of two, although its last word is lost', async () => {
    for (const seed of [16, 17, 18, 19]) {
      const cluster = await started({ seed, size: 2 });
      const leader = cluster.leader as LiteMember;
      const other = follower(cluster);
      // It cannot hand over before; then the change arrives, and that it is committed does not.
      let appends = 0;
      cluster.loses = (sent) => {
        if (handsOver(sent)) return true;
        return sent.from === leader.id && sent.lane === 'log' && ++appends > 1;
      };
      await cluster.run(leader.running.removeMember(leader.id));
      assert.ok(appends > 1);
      // It needs the consent of the one that goes.
      await cluster.until(() => other.running.status().role === 'leader');
      assert.deepEqual(await idsAt(cluster, other.id), [other.id]);
      await cluster.until(() => leader.failure !== undefined);
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
