// Proves that a leader whose process ends is replaced at once where the others are told so, by one
// of them and in one term; and that the same news, when it is wrong, late or known to few, changes
// neither who leads nor what is answered.
import assert from 'node:assert/strict';
import { ClusterLite, ELECTION_MS } from '../../support/sim-cluster-lite.js';

const HEARTBEAT_MS = ELECTION_MS / 10;

function othersOf(cluster: ClusterLite, id: bigint): readonly bigint[] {
  return [...cluster.members.keys()].filter((other) => other !== id);
}

function termOf(cluster: ClusterLite): number {
  return Math.max(...cluster.running.map(({ running }) => running.status().raftTerm));
}

/** Milliseconds until somebody else than `id` leads. */
async function replaced(cluster: ClusterLite, id: bigint): Promise<number> {
  const startMs = cluster.clock.monotonic();
  await cluster.until(() => cluster.leader !== undefined && cluster.leader.id !== id);
  return cluster.clock.monotonic() - startMs;
}

describe('a leader whose process ends', () => {
  for (const size of [3, 5]) {
    it(`is replaced at once, by the first of ${size - 1}, and calls wait for that`, async () => {
      for (let seed = 1; seed <= 5; seed++) {
        const cluster = await new ClusterLite({ seed, size }).startAll();
        const { id } = await cluster.elect();
        await cluster.advance(ELECTION_MS);
        const term = termOf(cluster);
        const others = othersOf(cluster, id);
        const startMs = cluster.clock.monotonic();
        cluster.kill(id, ...others);
        const last = others.at(-1) ?? 0n;
        await cluster.run(cluster.kernel(last).store.put({ key: 'a', value: '1' }));
        assert.ok(cluster.clock.monotonic() - startMs < HEARTBEAT_MS / 2);
        assert.deepEqual([cluster.leader?.id, termOf(cluster)], [others[0], term + 1]);
        await cluster.advance(5 * ELECTION_MS);
        assert.deepEqual([cluster.leader?.id, termOf(cluster)], [others[0], term + 1]);
        const ended = cluster.member(last).events.filter(({ name }) => name.endsWith('has ended'));
        assert.deepEqual(
          ended.map(({ fields }) => fields),
          [{ leader: id.toString(16), term }],
        );
        await cluster.close();
      }
    });
  }

  it('is replaced by the next in line where the first lacks what was acknowledged', async () => {
    const cluster = await new ClusterLite().startAll();
    const { id, running } = await cluster.elect();
    const [first = 0n, second = 0n] = othersOf(cluster, id);
    cluster.cut(id, first);
    await cluster.run(running.store.put({ key: 'a', value: '1' }));
    cluster.kill(id, first, second);
    assert.ok((await replaced(cluster, id)) < HEARTBEAT_MS);
    assert.equal(cluster.leader?.id, second);
    const { kvs } = await cluster.run(cluster.kernel(first).store.range({ key: 'a' }));
    assert.equal(kvs.length, 1);
    await cluster.close();
  });

  it('is replaced when the others learn of it one after the other', async () => {
    const cluster = await new ClusterLite().startAll();
    const { id } = await cluster.elect();
    const [first = 0n, second = 0n] = othersOf(cluster, id);
    cluster.kill(id, first);
    await cluster.advance(HEARTBEAT_MS);
    const leads = cluster.leader?.id;
    assert.equal(leads, undefined, 'the second hears it, for all that it knows');
    cluster.tellGone(second, id);
    assert.ok((await replaced(cluster, id)) < HEARTBEAT_MS / 2, 'it was asked before, and answers');
    assert.equal(cluster.leader?.id, first);
    await cluster.close();
  });

  it('is replaced after an election’s time where one of two is told, or none', async () => {
    for (const told of [[1n], [2n], []]) {
      const cluster = await new ClusterLite().startAll();
      const { id } = await cluster.elect();
      const others = othersOf(cluster, id);
      cluster.kill(id, ...others.filter((_, at) => told.includes(BigInt(at + 1))));
      const ms = await replaced(cluster, id);
      assert.ok(ms > ELECTION_MS / 2 && ms < 3 * ELECTION_MS, `${ms} ms`);
      await cluster.close();
    }
  });

  it('leads again when it alone can, in a new term', async () => {
    const cluster = await new ClusterLite({ size: 2 }).startAll();
    const { id } = await cluster.elect();
    const [other = 0n] = othersOf(cluster, id);
    const term = termOf(cluster);
    cluster.kill(id, other);
    await cluster.advance(2 * ELECTION_MS);
    assert.equal(termOf(cluster), term, 'nobody raises a term alone');
    await cluster.start(id);
    await cluster.elect();
    assert.equal(termOf(cluster), term + 1);
    await cluster.close();
  });
});

describe('a wrong word that the leader has ended', () => {
  it('to one member deposes nobody, however often it comes', async () => {
    const cluster = await new ClusterLite().startAll();
    const { id } = await cluster.elect();
    const term = termOf(cluster);
    const [misled = 0n, other = 0n] = othersOf(cluster, id);
    for (let at = 0; at < 20; at++) {
      cluster.tellGone(misled, id);
      await cluster.run(cluster.kernel(misled).store.put({ key: `k${at}`, value: '1' }));
      await cluster.advance(HEARTBEAT_MS * (at / 7));
    }
    const statuses = [id, misled, other].map((each) => cluster.kernel(each).status());
    assert.deepEqual(
      statuses.map(({ leader, raftTerm }) => [leader, raftTerm]),
      [1, 2, 3].map(() => [id, term]),
    );
    const ended = cluster.member(misled).events.filter(({ name }) => name.endsWith('has ended'));
    assert.equal(ended.length, 1, 'it is believed once in a term');
    await cluster.close();
  });

  it('about somebody who does not lead, or to a learner, changes nothing', async () => {
    const cluster = await new ClusterLite({ size: 4, learners: [4n] }).startAll();
    const { id } = await cluster.elect();
    const [first = 0n, second = 0n] = othersOf(cluster, id);
    const term = termOf(cluster);
    cluster.tellGone(first, second);
    cluster.tellGone(id, first);
    cluster.tellGone(id, id);
    cluster.tellGone(4n, id);
    await cluster.advance(3 * ELECTION_MS);
    assert.deepEqual([cluster.leader?.id, termOf(cluster)], [id, term]);
    await cluster.close();
  });

  it('to all of them replaces it once, and nothing is lost', async () => {
    const cluster = await new ClusterLite({ size: 5 }).startAll();
    const { id, running } = await cluster.elect();
    const term = termOf(cluster);
    const write = running.store.put({ key: 'a', value: '1' });
    for (const other of othersOf(cluster, id)) cluster.tellGone(other, id);
    await cluster.run(write);
    await cluster.advance(2 * ELECTION_MS);
    assert.ok(termOf(cluster) <= term + 1);
    for (const other of cluster.members.keys()) {
      const { kvs } = await cluster.run(cluster.kernel(other).store.range({ key: 'a' }));
      assert.equal(kvs[0]?.version, 1);
    }
    await cluster.close();
  });
});
