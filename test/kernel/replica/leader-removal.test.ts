// Proves that a leader which is to be removed goes without anybody missing it: it hands over
// before, unless nobody takes over, and stays when its removal is refused.
import assert from 'node:assert/strict';
import { readFrame } from '../../../src/kernel/codec/peer-frame.js';
import { decodePeerMessage } from '../../../src/kernel/codec/peer-message.js';
import {
  CLUSTER_SETTINGS,
  ELECTION_MS,
  type LiteMember,
  type Sent,
} from '../../support/sim-cluster-lite.js';
import { follower, idsAt, started } from './member-changes.js';

/** Whether it is the word to campaign at once. */
function handsOver({ frame }: Sent): boolean {
  const { kind, body } = readFrame(frame);
  return kind === 'raft' && decodePeerMessage(body).kind === 'timeoutNow';
}

describe('the removal of the leader', () => {
  it('is made, and the others go on', async () => {
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

  it('comes after it has handed over, and nobody waits for a leader', async () => {
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

  it('that is refused lets it lead on', async () => {
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

  it('is made all the same when nobody takes over', async () => {
    const cluster = await started({ seed: 45 });
    const leader = cluster.leader as LiteMember;
    cluster.loses = handsOver;
    const left = await cluster.run(leader.running.removeMember(leader.id));
    assert.equal(left.length, 2);
    await cluster.until(() => leader.failure !== undefined);
    await cluster.close();
  });

  it('is made with two members, although its last word is lost', async () => {
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
});
