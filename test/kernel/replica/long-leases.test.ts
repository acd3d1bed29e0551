// Proves that what is left of a long lease outlives its leaders: it is noted in the log from time
// to time, taken back by a renewal, and part of the state.
import assert from 'node:assert/strict';
import { isStoreError } from '../../../src/store/index.js';
import { ClusterLite, ELECTION_MS, type LiteMember } from '../../support/sim-cluster-lite.js';
import {
  CHECKPOINT_MS,
  SETTINGS,
  follower,
  grant,
  remaining,
  rowsOfAll,
  moveTo,
  started,
} from './lease-cluster.js';

describe('what is left of a long lease', () => {
  const TTL_SECONDS = 30;

  it('is known to the next leaders, each of which adds no more than an election', async () => {
    const cluster = await started(9);
    const id = await grant(cluster, follower(cluster), TTL_SECONDS);
    const short = await grant(cluster, follower(cluster), CHECKPOINT_MS / 1000);
    const startMs = cluster.clock.monotonic();
    await cluster.advance(15_000);
    for (let change = 1; change <= 3; change++) {
      await moveTo(cluster, follower(cluster));
      const leftMs = startMs + TTL_SECONDS * 1000 - cluster.clock.monotonic();
      const toldMs = 1000 * (await remaining(cluster, follower(cluster), id));
      const mostMs = leftMs + 2 * CHECKPOINT_MS + change * (ELECTION_MS + 1000);
      assert.ok(toldMs + 1000 >= leftMs && toldMs <= mostMs, `${toldMs} ms told, ${leftMs} left`);
    }
    const stored = await rowsOfAll(cluster);
    assert.ok((stored.find((row) => row.id === id)?.remainingTtlSeconds ?? 0) > 0);
    assert.ok(stored.every((row) => row.id !== short));
    await cluster.close();
  });

  it('counts no more after a renewal, however many leaders come', async () => {
    const cluster = await started(10);
    const id = await grant(cluster, follower(cluster), TTL_SECONDS);
    await cluster.advance(15_000);
    assert.ok(((await rowsOfAll(cluster))[0]?.remainingTtlSeconds ?? 0) > 0);
    await moveTo(cluster, follower(cluster));
    // This leader has the checkpoint from its rows alone.
    await cluster.run(follower(cluster).running.store.leases.keepAlive(id));
    assert.equal((await rowsOfAll(cluster))[0]?.remainingTtlSeconds, 0);
    for (let change = 0; change < 2; change++) {
      await cluster.run(follower(cluster).running.store.leases.keepAlive(id));
      await moveTo(cluster, follower(cluster));
      assert.ok((await remaining(cluster, follower(cluster), id)) >= TTL_SECONDS - 1);
    }
    await cluster.close();
  });

  it('survives restarts and the crash of the leader that noted it', async () => {
    const cluster = await started(11);
    const id = await grant(cluster, follower(cluster), TTL_SECONDS);
    await cluster.advance(20_000);
    const before = await rowsOfAll(cluster);
    const old = cluster.leader as LiteMember;
    const other = follower(cluster);
    await cluster.stop(other.id);
    await cluster.start(other.id);
    await cluster.elect();
    cluster.crash(old.id);
    await cluster.elect();
    const told = await remaining(cluster, follower(cluster), id);
    const most = (before[0]?.remainingTtlSeconds ?? 0) + ELECTION_MS / 1000;
    assert.ok(told <= most && told >= most - CHECKPOINT_MS / 1000 - 3, `${told} s of ${most} s`);
    await cluster.start(old.id);
    await cluster.elect();
    await rowsOfAll(cluster);
    await cluster.close();
  });

  it('goes with a state to a member that was left behind', async () => {
    const settings = { ...SETTINGS, snapshotEntries: 20, snapshotCatchUpEntries: 5 };
    const cluster = await new ClusterLite({ seed: 13, settings }).startAll();
    await cluster.elect();
    const behind = follower(cluster);
    const leader = cluster.leader as LiteMember;
    const gone = await grant(cluster, behind, TTL_SECONDS);
    await cluster.advance(300);
    cluster.isolate(behind.id);
    await cluster.run(leader.running.store.leases.revoke(gone));
    const id = await grant(cluster, leader, TTL_SECONDS);
    for (let at = 0; at < 60; at++) {
      await cluster.run(leader.running.store.put({ key: `k${at}`, value: '', lease: id }));
    }
    await cluster.advance(12_000);
    cluster.heal();
    const { revision } = leader.running.header();
    await cluster.until(() => behind.running.header().revision === revision);
    assert.ok(behind.events.some(({ name }) => name === 'state installed'));
    const [row] = await rowsOfAll(cluster);
    assert.ok(row?.id === id && row.remainingTtlSeconds > 0);
    await moveTo(cluster, behind);
    const { leases } = behind.running.store;
    const told = await cluster.run(leases.timeToLive({ id, keys: true }));
    assert.equal(told.keys.length, 60);
    const most = row.remainingTtlSeconds + ELECTION_MS / 1000;
    assert.ok(told.remainingTtlSeconds <= most, `${told.remainingTtlSeconds} s of ${most} s`);
    await cluster.run(leases.revoke(id));
    assert.deepEqual(await rowsOfAll(cluster), []);
    await cluster.close();
  });

  it('is taken back before a renewal is acknowledged, or the renewal is not', async () => {
    const cluster = await started(12);
    const id = await grant(cluster, follower(cluster), TTL_SECONDS);
    await cluster.advance(15_000);
    const leader = cluster.leader as LiteMember;
    // Heartbeats pass and confirm the leader; entries do not, so nothing can be taken back.
    cluster.loses = ({ lane, to }) => lane === 'log' && to !== leader.id;
    let isAcknowledged = false;
    const renewal = leader.running.store.leases.keepAlive(id).then(
      () => {
        isAcknowledged = true;
      },
      (error: unknown) => assert.ok(isStoreError(error)),
    );
    await cluster.advance(1000);
    assert.equal(isAcknowledged, false);
    cluster.loses = () => false;
    await cluster.run(renewal);
    assert.equal(isAcknowledged, true);
    assert.equal((await rowsOfAll(cluster))[0]?.remainingTtlSeconds, 0);
    await cluster.close();
  });
});
