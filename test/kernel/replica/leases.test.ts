// Proves what holders of leases may count on in a cluster: any member renews and tells the time, no
// change of leader, partition or pause ends a lease early, none lives for ever, what is left of a
// long lease outlives its leader unless a renewal has taken it back, and every member has the same
// leases. Times are those of the one clock that all members share.
import assert from 'node:assert/strict';
import { decodeLeaseRow, type LeaseRow } from '../../../src/kernel/lease/lease-row.js';
import { isStoreError, LIMITS } from '../../../src/store/index.js';
import { ClientClock } from '../../support/client-clock.js';
import {
  CLUSTER_SETTINGS,
  ClusterLite,
  ELECTION_MS,
  type LiteMember,
} from '../../support/sim-cluster-lite.js';
import { testSeed } from '../../support/world.js';

const CHECKPOINT_MS = 3000;
const SETTINGS = { ...CLUSTER_SETTINGS, leaseCheckpointMs: CHECKPOINT_MS };
/** From the end of a lease's time to the end of its keys: a check, a round, an entry. */
const SLACK_MS = LIMITS.leaseExpiryCheckMs + 300;
const REQUEST_MS = LIMITS.requestBaseMs + 2 * ELECTION_MS;

function followers(cluster: ClusterLite): readonly LiteMember[] {
  return cluster.running.filter(({ id }) => id !== cluster.leader?.id);
}

function follower(cluster: ClusterLite): LiteMember {
  return followers(cluster)[0] as LiteMember;
}

async function grant(cluster: ClusterLite, at: LiteMember, ttlSeconds: number): Promise<bigint> {
  return (await cluster.run(at.running.store.leases.grant({ ttlSeconds }))).id;
}

async function remaining(cluster: ClusterLite, at: LiteMember, id: bigint): Promise<number> {
  return (await cluster.run(at.running.store.leases.timeToLive({ id }))).remainingTtlSeconds;
}

/** The leases that every member has stored, with everything that was applied. */
async function rowsOfAll(cluster: ClusterLite): Promise<readonly LeaseRow[]> {
  await cluster.advance(500);
  const all = cluster.running.map(({ backend }) =>
    [...backend.range('lease', new Uint8Array(0), undefined, 0)].map(({ key, value }) =>
      decodeLeaseRow(key, value),
    ),
  );
  for (const one of all) assert.deepEqual(one, all[0]);
  return all[0] ?? [];
}

/** When the key was deleted, as one member sees it from now on. */
function watchEnd(cluster: ClusterLite, member: LiteMember, key: string): { atMs?: number } {
  const seen: { atMs?: number } = {};
  member.running.store.watch({ key }).subscribe({
    next: ({ events }) => {
      if (events.some(({ type }) => type === 'delete')) seen.atMs ??= cluster.clock.monotonic();
    },
    error: () => undefined,
  });
  return seen;
}

async function moveTo(cluster: ClusterLite, target: LiteMember): Promise<void> {
  await cluster.run(cluster.leader?.running.moveLeader(target.id) as Promise<void>);
  await cluster.elect();
}

async function started(seed: number): Promise<ClusterLite> {
  const cluster = await new ClusterLite({ seed, settings: SETTINGS }).startAll();
  await cluster.elect();
  return cluster;
}

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

describe('leases and their leaders', () => {
  it('never end early and always end, whenever the leader dies or hands over', async function () {
    this.timeout(60_000);
    const first = testSeed();
    for (let seed = first; seed < first + 10; seed++) {
      try {
        await outliveLeader(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
  });

  it('that are cut off renew nothing, and those who ask them get an error', async () => {
    const cluster = await started(6);
    const old = cluster.leader as LiteMember;
    const id = await grant(cluster, old, 4);
    await cluster.run(old.running.store.put({ key: 'a', value: '', lease: id }));
    const end = watchEnd(cluster, follower(cluster), 'a');
    cluster.isolate(old.id);
    const startMs = cluster.clock.monotonic();
    assert.equal(await cluster.codeOf(old.running.store.leases.keepAlive(id)), 'NoLeader');
    const tookMs = cluster.clock.monotonic() - startMs;
    assert.ok(tookMs >= REQUEST_MS && tookMs <= REQUEST_MS + 300, `${tookMs} ms`);
    await cluster.elect(old.id);
    while (end.atMs === undefined) {
      await cluster.codeOf(old.running.store.leases.keepAlive(id));
      assert.ok(cluster.clock.monotonic() - startMs < 30_000);
    }
    const lateMs = end.atMs - startMs;
    // A change of leader takes two elections at most, and the next leader adds one.
    assert.ok(lateMs >= 4000 && lateMs <= 4000 + 4 * ELECTION_MS + SLACK_MS, `${lateMs} ms`);
    await cluster.close();
  });

  it('that nobody hears renew when they are heard again, within the time of the call', async () => {
    const cluster = await started(7);
    const lonely = follower(cluster);
    const id = await grant(cluster, lonely, 6);
    cluster.isolate(lonely.id);
    const { leases } = lonely.running.store;
    await cluster.advance(2500);
    const renewal = leases.keepAlive(id);
    const startMs = cluster.clock.monotonic();
    await cluster.advance(2000);
    cluster.heal();
    assert.equal((await cluster.run(renewal)).ttlSeconds, 6);
    assert.ok(cluster.clock.monotonic() - startMs < 4000);
    assert.ok((await remaining(cluster, lonely, id)) >= 5);
    cluster.isolate(lonely.id);
    const controller = new AbortController();
    const canceled = cluster.codeOf(leases.keepAlive(id, { signal: controller.signal }));
    await cluster.advance(50);
    controller.abort();
    assert.equal(await canceled, 'Canceled');
    assert.equal(await cluster.codeOf(leases.timeToLive({ id })), 'NoLeader');
    await cluster.close();
  });

  it('that were deposed end nothing that their successor has renewed', async () => {
    const cluster = await started(13);
    const old = cluster.leader as LiteMember;
    const id = await grant(cluster, old, 3);
    await cluster.run(old.running.store.put({ key: 'a', value: '', lease: id }));
    // It can confirm itself and says that the lease ran out; nobody hears that.
    cluster.loses = ({ lane, from }) => lane === 'log' && from === old.id;
    await cluster.advance(3000 + SLACK_MS);
    assert.ok(old.running.status().pendingProposals > 0);
    cluster.isolate(old.id);
    const next = await cluster.elect(old.id);
    await cluster.run(next.running.store.leases.keepAlive(id));
    cluster.loses = () => false;
    cluster.heal();
    // The old leader brings what it had proposed to the new one.
    await cluster.until(() => old.running.status().pendingProposals === 0);
    for (let at = 0; at < 3; at++) {
      await cluster.advance(2000);
      await cluster.run(old.running.store.leases.keepAlive(id));
    }
    assert.equal((await cluster.run(old.running.store.range({ key: 'a' }))).count, 1);
    await cluster.close();
  });

  it('that stood still end nothing when they go on', async () => {
    const cluster = await started(8);
    const sleeper = follower(cluster);
    await cluster.stop(sleeper.id);
    const clock = new ClientClock(cluster.clock);
    await cluster.start(sleeper.id, { clock });
    await cluster.elect();
    await moveTo(cluster, sleeper);
    const id = await grant(cluster, sleeper, 5);
    await cluster.run(sleeper.running.store.put({ key: 'a', value: '', lease: id }));
    const end = watchEnd(cluster, follower(cluster), 'a');
    clock.hold();
    cluster.isolate(sleeper.id);
    const awake = await cluster.elect(sleeper.id);
    for (let at = 0; at < 8; at++) {
      await cluster.run(awake.running.store.leases.keepAlive(id));
      await cluster.advance(1500);
    }
    cluster.heal();
    clock.release();
    for (let at = 0; at < 8; at++) {
      await cluster.run(awake.running.store.leases.keepAlive(id));
      await cluster.advance(1000);
    }
    assert.equal(end.atMs, undefined);
    await cluster.close();
  });
});

/** A holder that renews through anybody, and a leader that goes just before the end. */
async function outliveLeader(seed: number): Promise<void> {
  const cluster = await started(seed);
  const random = cluster.random.split('leases');
  const ttlMs = 1000 * (2 + random.below(3));
  const holder = follower(cluster);
  const id = await grant(cluster, holder, ttlMs / 1000);
  await cluster.run(holder.running.store.put({ key: 'a', value: '', lease: id }));
  const end = watchEnd(cluster, holder, 'a');
  let sentMs = cluster.clock.monotonic();
  for (let at = 0; at < 3; at++) {
    await cluster.advance(random.below(ttlMs - 200));
    const sentAtMs = cluster.clock.monotonic();
    await cluster.run(
      (cluster.running[random.below(3)] as LiteMember).running.store.leases.keepAlive(id),
    );
    sentMs = sentAtMs;
  }
  await cluster.advance(Math.max(0, sentMs + ttlMs - cluster.clock.monotonic() - random.below(60)));
  const gone = cluster.leader as LiteMember;
  if (gone.id === holder.id || random.below(2) === 0) {
    await cluster.codeOf(gone.running.moveLeader((follower(cluster) as LiteMember).id));
  } else cluster.crash(gone.id);
  const isCrashed = gone.kernel === undefined;
  await cluster.until(() => end.atMs !== undefined);
  const livedMs = (end.atMs ?? 0) - sentMs;
  const mostMs = 2 * ttlMs + (isCrashed ? 4 : 2) * ELECTION_MS + SLACK_MS;
  assert.ok(livedMs >= ttlMs && livedMs <= mostMs, `${livedMs} ms of ${ttlMs} ms`);
  if (isCrashed) await cluster.start(gone.id);
  await cluster.elect();
  await rowsOfAll(cluster);
  await cluster.close();
}

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
