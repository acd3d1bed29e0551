// Proves that a member which cannot go on from the log takes over another member's state: one that
// fell behind and one that joins, whatever they held before and wherever a crash cuts it off; and
// that its readers and watchers see the one state and then the other, never half of both.
import assert from 'node:assert/strict';
import type { RevisionBatch } from '../../../src/store/index.js';
import { ClusterLite, CLUSTER_SETTINGS, type LiteMember } from '../../support/sim-cluster-lite.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 200);
const SETTINGS = { ...CLUSTER_SETTINGS, snapshotEntries: 10, snapshotCatchUpEntries: 0 };

interface Behind {
  readonly cluster: ClusterLite;
  /** Has missed more than the logs of the others still hold. */
  readonly late: LiteMember;
  readonly leader: LiteMember;
}

async function behind(seed: number, entries = 40, backendBatchMs = 100): Promise<Behind> {
  const cluster = new ClusterLite({ seed, settings: SETTINGS });
  // One of them may be slow to bring its rows to the backend.
  await cluster.start(1n);
  await cluster.start(2n, { settings: { ...SETTINGS, backendBatchMs } });
  await cluster.start(3n, { settings: { ...SETTINGS, backendBatchMs } });
  await cluster.until(() => cluster.leader?.id === 1n || cluster.leader !== undefined);
  if (cluster.leader?.id !== 1n)
    await cluster.run((cluster.leader as LiteMember).running.moveLeader(1n));
  await cluster.elect();
  await cluster.advance(1000);
  const leader = cluster.leader as LiteMember;
  await cluster.run(leader.running.store.put({ key: 'old', value: 'o' }));
  await cluster.run(leader.running.store.put({ key: 'gone', value: 'g' }));
  await cluster.run(leader.running.store.leases.grant({ id: 5n, ttlSeconds: 500 }));
  await cluster.advance(300);
  const late = cluster.running.find(({ id }) => id !== leader.id) as LiteMember;
  cluster.isolate(late.id);
  const { store } = leader.running;
  await cluster.run(store.leases.revoke(5n));
  await cluster.run(store.leases.grant({ id: 6n, ttlSeconds: 900 }));
  await cluster.run(store.put({ key: 'leased', value: 'l', lease: 6n }));
  await cluster.run(store.delete({ key: 'gone' }));
  for (let i = 0; i < entries; i++) {
    await cluster.run(store.put({ key: `k${i % 20}`, value: `${i}`.padStart(700, '.') }));
  }
  await cluster.run(leader.running.setAlarm('activate', { memberId: leader.id, alarm: 'nospace' }));
  await cluster.advance(500);
  return { cluster, late, leader };
}

function wasInstalled(member: LiteMember): boolean {
  return member.events.some(({ name }) => name === 'state installed');
}

async function assertSame(cluster: ClusterLite, ids: readonly bigint[], hint = ''): Promise<void> {
  const { revision } = (cluster.leader as LiteMember).running.header();
  const seen: unknown[] = [];
  for (const id of ids) {
    const kernel = cluster.kernel(id);
    const { hash, compactRevision } = await cluster.run(kernel.hashKv(revision));
    const { leaseCount, keyCount } = kernel.status();
    const alarms = kernel.alarms();
    const members = (await kernel.members(false)).map((member) => member.name);
    seen.push({ hash, compactRevision, leaseCount, keyCount, alarms, members });
  }
  for (const one of seen) assert.deepEqual(one, seen[0], hint);
}

/** The alarm came with the state; as long as it is raised nothing can be written. */
async function clearAlarm({ cluster, late, leader }: Behind): Promise<void> {
  assert.deepEqual(late.running.alarms(), [{ memberId: leader.id, alarm: 'nospace' }]);
  await cluster.run(late.running.setAlarm('deactivate', { memberId: leader.id, alarm: 'nospace' }));
}

const caughtUp = (member: LiteMember, leader: LiteMember): boolean =>
  member.kernel?.status().appliedIndex === leader.running.status().appliedIndex;

describe('a state that another member sends', () => {
  it('brings a member that fell behind to where the others are', async () => {
    const world = await behind(1);
    const { cluster, late, leader } = world;
    cluster.heal();
    await cluster.until(() => wasInstalled(late) && caughtUp(late, leader));
    await assertSame(cluster, [1n, 2n, 3n]);
    await clearAlarm(world);
    await cluster.run(late.running.store.put({ key: 'new', value: 'n' }));
    await cluster.run(late.running.store.put({ key: 'x', value: 'y', lease: 6n }));
    await cluster.advance(500);
    await assertSame(cluster, [1n, 2n, 3n]);
    cluster.crash(late.id);
    await cluster.start(late.id);
    await cluster.until(() => caughtUp(late, leader));
    await assertSame(cluster, [1n, 2n, 3n]);
    await cluster.close();
  });

  it('leaves nothing of rows that had not reached the backend', async () => {
    const { cluster, late, leader } = await behind(4, 40, 10_000_000);
    assert.equal(late.running.status().leaseCount, 1);
    cluster.heal();
    await cluster.until(() => wasInstalled(late) && caughtUp(late, leader));
    await assertSame(cluster, [leader.id, late.id]);
    cluster.crash(late.id);
    await cluster.start(late.id);
    await cluster.until(() => caughtUp(late, leader));
    await assertSame(cluster, [leader.id, late.id]);
    await cluster.close();
  });

  it('brings a member that joins everything', async () => {
    const world = await behind(2);
    const { cluster, leader } = world;
    cluster.heal();
    const joining = cluster.place(9n);
    await cluster.run(leader.running.addMember({ ...joining.record, isLearner: true }));
    const members = await cluster.run(leader.running.members(true));
    await cluster.start(9n, { start: { kind: 'join', members } });
    await cluster.until(() => wasInstalled(joining) && caughtUp(joining, leader));
    await clearAlarm({ ...world, late: joining });
    await cluster.run(joining.running.store.put({ key: 'from', value: 'nine' }));
    await cluster.advance(500);
    await assertSame(cluster, [1n, 2n, 3n, 9n]);
    cluster.crash(9n);
    await cluster.start(9n, { start: { kind: 'join', members } });
    await cluster.until(() => caughtUp(joining, leader));
    await assertSame(cluster, [1n, 2n, 3n, 9n]);
    await cluster.close();
  });

  it('comes a second time to one that fell behind again', async () => {
    const { cluster, late, leader } = await behind(5);
    const installs = (): number =>
      late.events.filter(({ name }) => name === 'state installed').length;
    cluster.heal();
    await cluster.until(() => installs() === 1 && caughtUp(late, leader));
    await clearAlarm({ cluster, late, leader });
    cluster.isolate(late.id);
    for (let i = 0; i < 40; i++) {
      await cluster.run(leader.running.store.put({ key: `again${i}`, value: 'x' }));
    }
    await cluster.advance(500);
    cluster.heal();
    await cluster.until(() => installs() === 2 && caughtUp(late, leader));
    await assertSame(cluster, [1n, 2n, 3n]);
    await cluster.close();
  });

  it('comes over a network that loses and doubles frames, though leaders die', async () => {
    for (let seed = SEED; seed < SEED + 4; seed++) {
      const { cluster, late, leader } = await behind(seed, 60);
      cluster.loses = () => cluster.random.below(10) === 0;
      cluster.copies = () => (cluster.random.below(10) === 0 ? 2 : 1);
      cluster.heal();
      await cluster.advance(cluster.random.below(200));
      cluster.crash(leader.id);
      await cluster.advance(cluster.random.below(2000));
      await cluster.start(leader.id);
      await cluster.until(() => {
        const now = cluster.leader;
        return now !== undefined && wasInstalled(late) && caughtUp(late, now);
      }, 120_000);
      cluster.loses = () => false;
      await cluster.elect();
      await cluster.advance(1000);
      await assertSame(cluster, [1n, 2n, 3n], `TIDELOCK_SEED=${seed}`);
      await cluster.close();
    }
  }).timeout(20_000);

  it('lets readers see one state or the other, and watchers every revision once', async () => {
    const world = await behind(3);
    const { cluster, late, leader } = world;
    const seen: number[] = [];
    const events = new Map<string, number>();
    const from = late.running.header().revision + 1;
    const subscription = late.running.store
      .watch({ key: 'k', rangeEnd: 'l', startRevision: from })
      .subscribe((batch: RevisionBatch) => {
        seen.push(batch.revision);
        for (const { kv } of batch.events) events.set(String(kv.key), kv.modRevision);
      });
    const told: number[] = [];
    const stream = late.running.store.revisions$.subscribe(({ revision }) => told.push(revision));
    const counts = new Set<string>();
    cluster.heal();
    for (let ms = 0; ms < 5000; ms += 1) {
      if (caughtUp(late, leader)) break;
      await cluster.advance(1);
      const read = await cluster.run(
        late.running.store.range({ key: 'a', rangeEnd: 'z', serializable: true }),
      );
      counts.add(`${read.header.revision}: ${read.kvs.map(({ key }) => String(key)).length}`);
      for (const { modRevision } of read.kvs) assert.ok(modRevision <= read.header.revision);
    }
    assert.ok(wasInstalled(late));
    assert.equal(counts.size, 2, [...counts].join(', '));
    await cluster.advance(500);
    assert.equal(seen.length, 40, 'nobody has to wait for the next write');
    assert.equal(told.at(-1), leader.running.header().revision);
    const expected = Array.from({ length: told.length }, (_, i) => from + i);
    assert.deepEqual(told, expected, 'revisions$ has no gap');
    stream.unsubscribe();
    await clearAlarm(world);
    await cluster.run(leader.running.store.put({ key: 'k1', value: 'after' }));
    await cluster.advance(500);
    const { revision } = leader.running.header();
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(seen).size, seen.length);
    assert.equal(seen.at(-1), revision);
    assert.equal(seen.length, 41);
    subscription.unsubscribe();
    await cluster.close();
  });

  it('ends the stream of revisions where history was compacted meanwhile', async () => {
    const { cluster, late, leader } = await behind(6);
    let isComplete = false;
    let error: unknown;
    late.running.store.revisions$.subscribe({
      complete: () => {
        isComplete = true;
      },
    });
    late.running.store.watch({ key: 'k', startRevision: 3 }).subscribe({
      error: (reason: unknown) => {
        error = reason;
      },
    });
    const { revision } = leader.running.header();
    await cluster.run(leader.running.store.compact({ revision: revision - 5, physical: true }));
    await cluster.advance(500);
    cluster.heal();
    await cluster.until(() => wasInstalled(late) && caughtUp(late, leader));
    await cluster.advance(100);
    assert.equal(isComplete, true);
    assert.match(String(error), /compacted/);
    await assertSame(cluster, [1n, 2n, 3n]);
    await cluster.close();
  });

  it('comes whole or not at all when the member dies in any call of its disk', async () => {
    let installs = 0;
    for (let nth = 1; ; nth++) {
      const { cluster, late, leader } = await behind(100 + nth, 25);
      late.disk.fail({ nth, kind: 'io', isFinal: true });
      cluster.heal();
      await cluster.until(() => late.failure !== undefined || caughtUp(late, leader));
      if (late.failure === undefined) break;
      if (wasInstalled(late)) installs++;
      cluster.crash(late.id);
      await cluster.start(late.id);
      await cluster.until(() => caughtUp(late, leader));
      await assertSame(cluster, [1n, 2n, 3n], `call ${nth}`);
      assert.deepEqual(await late.disk.list('snapshot'), [], `call ${nth}`);
      await cluster.close();
      if (installs > 3) break;
    }
    assert.ok(installs > 0);
  }).timeout(20_000);

  it('comes whole or not at all when the member dies in any call of its backend', async () => {
    let installs = 0;
    for (let nth = 1; nth < 5; nth++) {
      for (let seed = 0; seed < 4; seed++) {
        const { cluster, late, leader } = await behind(1000 + nth * 10 + seed, 25);
        let isDead = false;
        late.backend.crashInCall(nth, () => {
          isDead = true;
        });
        cluster.heal();
        await cluster.until(() => isDead || caughtUp(late, leader));
        cluster.crash(late.id);
        await cluster.start(late.id);
        await cluster.until(() => caughtUp(late, leader));
        if (wasInstalled(late)) installs++;
        await assertSame(cluster, [1n, 2n, 3n], `call ${nth}, seed ${seed}`);
        await cluster.close();
      }
    }
    assert.ok(installs > 0);
  }).timeout(20_000);
});
