// Proves that leases outlive the leader that counted them: they never end early and always end,
// whoever dies or hands over, and the word of a leader that nobody hears or follows ends none.
import assert from 'node:assert/strict';
import { ClientClock } from '../../../src/simulation/model/client-clock.js';
import { ELECTION_MS, type LiteMember } from '../../support/sim-cluster-lite.js';
import { testSeed } from '../../support/world.js';
import {
  SLACK_MS,
  REQUEST_MS,
  follower,
  grant,
  remaining,
  rowsOfAll,
  watchEnd,
  moveTo,
  started,
} from './lease-cluster.js';

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
