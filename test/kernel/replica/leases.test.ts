// Proves what holders of leases may count on in a cluster: any member grants, renews, revokes and
// tells the time, none lives for ever, and every member has the same leases. Times are those of the
// one clock that all members share.
import assert from 'node:assert/strict';
import { ClusterLite, type LiteMember } from '../../support/sim-cluster-lite.js';
import {
  SETTINGS,
  SLACK_MS,
  followers,
  follower,
  grant,
  remaining,
  rowsOfAll,
  watchEnd,
  started,
} from './lease-cluster.js';

describe('leases of a cluster', () => {
  it('live as long as any member is asked to renew them, and end everywhere in one revision', async () => {
    const cluster = await started(1);
    const [one, two] = followers(cluster) as [LiteMember, LiteMember];
    const id = await grant(cluster, one, 3);
    for (const key of ['a', 'b']) {
      await cluster.run(two.running.store.put({ key, value: '', lease: id }));
    }
    for (let at = 0; at < 8; at++) {
      await cluster.advance(2000);
      const { ttlSeconds } = await cluster.run(
        (cluster.running[at % 3] as LiteMember).running.store.leases.keepAlive(id),
      );
      assert.equal(ttlSeconds, 3);
      assert.ok((await remaining(cluster, two, id)) >= 2);
    }
    const told = await cluster.run(one.running.store.leases.timeToLive({ id, keys: true }));
    assert.deepEqual(
      told.keys.map((key) => new TextDecoder().decode(key)),
      ['a', 'b'],
    );
    const { revision } = told.header;
    await cluster.advance(3000 + SLACK_MS);
    for (const { running } of cluster.running) {
      const range = { key: 'a', rangeEnd: 'c', serializable: true };
      const { kvs, header } = await cluster.run(running.store.range(range));
      assert.equal(kvs.length, 0);
      assert.equal(header.revision, revision + 1);
    }
    assert.deepEqual(await rowsOfAll(cluster), []);
    await cluster.close();
  });

  it('are unknown on every member once they are gone', async () => {
    const cluster = await started(2);
    for (const member of cluster.running) {
      const { leases } = member.running.store;
      assert.equal(await cluster.codeOf(leases.keepAlive(77n)), 'LeaseNotFound');
      assert.equal(await remaining(cluster, member, 77n), -1);
      const gone = await cluster.run(leases.timeToLive({ id: 77n, keys: true }));
      assert.equal(gone.grantedTtlSeconds, 0);
    }
    await cluster.close();
  });

  it('are granted and revoked by any member, under an id that the cluster has once', async () => {
    const cluster = await started(3);
    const [one, two] = followers(cluster) as [LiteMember, LiteMember];
    await cluster.run(one.running.store.leases.grant({ id: 5n, ttlSeconds: 30 }));
    const again = two.running.store.leases.grant({ id: 5n, ttlSeconds: 30 });
    assert.equal(await cluster.codeOf(again), 'LeaseExists');
    await cluster.run(one.running.store.put({ key: 'a', value: '', lease: 5n }));
    await cluster.run(two.running.store.leases.revoke(5n));
    const ids = new Set<bigint>();
    for (const member of cluster.running) {
      assert.equal((await cluster.run(member.running.store.range({ key: 'a' }))).count, 0);
      ids.add(await grant(cluster, member, 30));
    }
    assert.equal(ids.size, 3);
    assert.equal((await rowsOfAll(cluster)).length, 3);
    await cluster.close();
  });

  it('are renewed through a member without a vote', async () => {
    const options = { seed: 4, size: 4, learners: [4n], settings: SETTINGS };
    const cluster = await new ClusterLite(options).startAll();
    await cluster.elect();
    const learner = cluster.member(4n);
    const id = await grant(cluster, follower(cluster), 3);
    for (let at = 0; at < 4; at++) {
      await cluster.advance(2000);
      await cluster.run(learner.running.store.leases.keepAlive(id));
    }
    assert.ok((await remaining(cluster, learner, id)) >= 2);
    await cluster.close();
  });

  it('that ran out are not refused a renewal before they are gone', async () => {
    const cluster = await started(5);
    const holder = follower(cluster);
    const id = await grant(cluster, holder, 2);
    await cluster.run(holder.running.store.put({ key: 'a', value: '', lease: id }));
    const end = watchEnd(cluster, cluster.leader as LiteMember, 'a');
    // The question starts the lease's time, if nothing else has.
    await remaining(cluster, holder, id);
    await cluster.advance(2000);
    assert.equal(end.atMs, undefined);
    assert.equal(await cluster.codeOf(holder.running.store.leases.keepAlive(id)), 'LeaseNotFound');
    assert.ok(end.atMs !== undefined);
    await cluster.close();
  });
});
