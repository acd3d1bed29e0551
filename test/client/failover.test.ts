// Proves how the client chooses among endpoints: it leaves a member that is silent, knows no leader
// or is a learner for one that serves, starts anywhere, comes back to none that failed while there
// is another, and learns and forgets members where it was told to.
import assert from 'node:assert/strict';
import { connect, type ConnectOptions } from '../../src/client/index.js';
import { NodeRandom } from '../../src/host/node-random.js';
import type { Timer } from '../../src/ports/clock.js';
import { allKeys, LIMITS, type Store, type StoreEvent, toBytes } from '../../src/store/index.js';
import { SERVICES } from '../../src/wire/services.js';
import { FakeServer, HEADER, Refusal, watchStreams } from './fake-server.js';
import { FirstRandom, QuickClock } from './quick-clock.js';
import { Recorder } from './recorder.js';

const { put, range } = SERVICES['etcdserverpb.KV'];
const { leaseKeepAlive } = SERVICES['etcdserverpb.Lease'];
const { memberList } = SERVICES['etcdserverpb.Cluster'];
const header = { clusterId: 1n, memberId: 2n, revision: 10, raftTerm: 3 };
const DONE = put.responseSerialize({ header });
const FOUND = range.responseSerialize({ header, kvs: [], more: false, count: 4 });

/** Never answers anything, status included: a process that is stopped. */
function freeze(server: FakeServer): void {
  const never = () => new Promise<Buffer>(() => undefined);
  const { status } = SERVICES['etcdserverpb.Maintenance'];
  for (const { path } of [status, put, range]) server.onUnary(path, never);
  server.onStream(leaseKeepAlive.path, (stream) => stream.on('error', () => undefined));
}

function keepsAlive(server: FakeServer, ttlSeconds: number): void {
  server.onStream(leaseKeepAlive.path, (stream) => {
    stream.on('error', () => undefined);
    stream.on('data', (bytes: Buffer) => {
      const id = leaseKeepAlive.requestDeserialize(bytes);
      stream.write(leaseKeepAlive.responseSerialize({ header, id, ttlSeconds }));
    });
  });
}

/** Looks at quiet streams sooner. */
class EagerClock extends QuickClock {
  override timer(delayMs: number, fire: () => void): Timer {
    return super.timer(delayMs === LIMITS.clientQuietMs ? 50 : delayMs, fire);
  }
}

/** Asks for the members when something has happened, and never for the time alone. */
class SlowSyncClock extends QuickClock {
  override timer(delayMs: number, fire: () => void): Timer {
    return super.timer(delayMs === LIMITS.clientMemberSyncMs ? 1_000_000 : delayMs, fire);
  }
}

function event(revision: number): StoreEvent {
  const value = { createRevision: revision, modRevision: revision, version: 1, lease: 0n };
  return { type: 'put', kv: { key: toBytes('k'), value: toBytes('v'), ...value } };
}

describe('a client of several members', () => {
  let servers: FakeServer[];
  let store: Store | undefined;

  beforeEach(async () => {
    servers = await Promise.all([FakeServer.start(), FakeServer.start(), FakeServer.start()]);
    for (const server of servers) {
      server.onUnary(range.path, () => FOUND);
      server.onUnary(put.path, () => DONE);
    }
  });

  afterEach(async () => {
    await store?.close();
    for (const server of servers) server.stop();
  });

  function server(index: number): FakeServer {
    return servers[index] as FakeServer;
  }

  async function open(options: ConnectOptions = {}): Promise<Store> {
    const endpoints = servers.map(({ endpoint }) => endpoint);
    const own = { clock: new QuickClock(), random: new FirstRandom() };
    store = await connect(endpoints, { ...own, ...options });
    return store;
  }

  function callCounts(): number[] {
    return servers.map(({ calls }) => calls.length);
  }

  it('starts at any of them', async () => {
    class LastRandom extends NodeRandom {
      override below(bound: number): number {
        return bound - 1;
      }
    }
    await (await open({ random: new LastRandom() })).put({ key: 'a' });
    assert.deepEqual(callCounts(), [0, 0, 1]);
  });

  it('passes over those that know no leader, and learners', async () => {
    server(0).onStatus({ leader: 0n });
    server(1).onStatus({ leader: HEADER.memberId, isLearner: true });
    await (await open()).put({ key: 'a' });
    assert.deepEqual(callCounts(), [0, 0, 1]);
  });

  it('uses one without a leader where there is no better', async () => {
    for (const one of servers) one.onStatus({ leader: 0n });
    await (await open()).range({ key: 'a', serializable: true });
    assert.deepEqual(callCounts(), [1, 0, 0]);
  });

  it('does not wait for one that is silent', async () => {
    freeze(server(0));
    const startMs = performance.now();
    await (await open()).put({ key: 'a' });
    assert.deepEqual(callCounts(), [0, 1, 0]);
    assert.ok(performance.now() - startMs < 1900, 'waited for the silent one');
  });

  it('insists on a leader, but not for serializable reads', async () => {
    const seen: unknown[] = [];
    server(0).onMetadata = (metadata) => seen.push(metadata['hasleader']);
    const client = await open();
    await client.range({ key: 'a' });
    await client.put({ key: 'a' });
    await client.range({ key: 'a', serializable: true });
    await (await open({ requireLeader: false })).put({ key: 'a' });
    assert.deepEqual(seen, ['true', 'true', undefined, undefined]);
  });

  it('comes back to one that failed only after the others', async () => {
    const client = await open();
    server(0).onUnary(put.path, () => Promise.reject(new Refusal(14, 'etcdserver: no leader')));
    await client.put({ key: 'a' });
    server(1).onUnary(put.path, () => Promise.reject(new Refusal(14, 'etcdserver: no leader')));
    await client.put({ key: 'b' });
    await client.put({ key: 'c' });
    assert.deepEqual(callCounts(), [1, 2, 2]);
  });

  it('takes a read away from a member that falls silent, and leaves a write there', async () => {
    const client = await open();
    await client.range({ key: 'a' });
    freeze(server(0));
    const write = client.put({ key: 'a' });
    let written = false;
    void write.then(
      () => (written = true),
      () => undefined,
    );
    assert.equal((await client.range({ key: 'a' })).count, 4);
    assert.equal((await client.range({ key: 'b' })).count, 4);
    assert.deepEqual([callCounts(), written], [[3, 2, 0], false]);
    server(0).stop();
    await assert.rejects(write, { code: 'Unavailable' });
    assert.equal(server(1).calls.filter((path) => path === put.path).length, 0);
  });

  it('waits for a slow member that is well', async () => {
    const client = await open();
    server(0).onUnary(range.path, async () => {
      await new Promise((resolve) => {
        setTimeout(resolve, 2500);
      });
      return FOUND;
    });
    assert.equal((await client.range({ key: 'a' })).count, 4);
    assert.deepEqual(callCounts(), [1, 0, 0]);
  });

  it('takes keep-alives away from a member that does not answer them', async () => {
    keepsAlive(server(0), 10);
    keepsAlive(server(1), 20);
    const client = await open();
    assert.equal((await client.leases.keepAlive(1n)).ttlSeconds, 10);
    server(0).onStream(leaseKeepAlive.path, () => undefined);
    freeze(server(0));
    const other = await open();
    assert.equal((await other.leases.keepAlive(1n)).ttlSeconds, 20);
    await client.close();
  });

  it('takes keep-alives that are under way to another member', async () => {
    server(0).onStream(leaseKeepAlive.path, (stream) => stream.on('error', () => undefined));
    keepsAlive(server(1), 20);
    const client = await open();
    const all = [1n, 2n, 1n].map((id) => client.leases.keepAlive(id));
    const ttls = (await Promise.all(all)).map(({ ttlSeconds }) => ttlSeconds);
    assert.deepEqual(ttls, [20, 20, 20]);
    assert.deepEqual(callCounts(), [1, 1, 0]);
  });

  it('moves its watches when it finds a member silent', async () => {
    const firstStream = watchStreams(server(0));
    const secondStream = watchStreams(server(1));
    const client = await open();
    const seen = new Recorder(client.watch({ ...allKeys(), startRevision: 5 }));
    const stream = await firstStream();
    stream.send(10, { watchId: 0, created: true });
    await stream.request();
    freeze(server(0));
    await client.range({ key: 'a' });
    const moved = await secondStream();
    assert.equal(await moved.startRevision(), 5);
    seen.stop();
  });

  it('moves its watches away from a member that loses its leader without a word', async () => {
    const firstStream = watchStreams(server(0));
    const secondStream = watchStreams(server(1));
    const client = await open({ clock: new EagerClock(), timeoutMs: 4000 });
    const seen = new Recorder(client.watch({ ...allKeys(), startRevision: 5 }));
    const stream = await firstStream();
    stream.send(10, { watchId: 0, created: true });
    stream.send(10, { watchId: 0, events: [event(7)] });
    await seen.take(1);
    server(0).onStatus({ leader: 0n });
    const moved = await secondStream();
    assert.equal(await moved.startRevision(), 8);
    seen.stop();
  });

  it('waits for a member that lags behind, and takes nothing from before', async () => {
    const firstStream = watchStreams(server(0));
    const secondStream = watchStreams(server(1));
    const thirdStream = watchStreams(server(2));
    const client = await open();
    const seen = new Recorder(client.watch({ ...allKeys(), progressNotify: true }));
    const stream = await firstStream();
    stream.send(10, { watchId: 0, created: true });
    stream.send(20, { watchId: 0, events: [event(20)] });
    stream.send(30, { watchId: 0 });
    await seen.take(2);
    stream.break();
    const moved = await secondStream();
    assert.equal(await moved.startRevision(), 31);
    // It is at 15 only, and tells what it was not asked for, as etcd did in such a place.
    moved.send(15, { watchId: 0, created: true });
    moved.send(15, { watchId: 0 });
    moved.send(25, { watchId: 0, events: [event(21), event(25)] });
    moved.send(31, { watchId: 0, events: [event(31)] });
    await seen.take(3);
    assert.deepEqual(
      seen.values.map(({ revision }) => revision),
      [20, 30, 31],
    );
    moved.break();
    const next = await thirdStream();
    assert.equal(await next.startRevision(), 32);
    seen.stop();
  });

  it('learns members, forgets those that left, and never those that it was given', async () => {
    const members = (indexes: readonly number[]) =>
      memberList.responseSerialize({
        header: HEADER,
        members: [
          ...indexes.map((index) => ({ clientURLs: [server(index).endpoint] })),
          { clientURLs: ['http://127.0.0.1:1'], isLearner: true },
          { clientURLs: ['unix:///nowhere'] },
        ],
      });
    server(0).onUnary(memberList.path, () => members([0, 1, 2]));
    const options = { clock: new QuickClock(), random: new FirstRandom(), syncMembers: true };
    store = await connect(server(0).endpoint, options);
    server(1).onUnary(memberList.path, () => members([1]));
    server(0).stop();
    await store.range({ key: 'a' });
    const ranges = servers.map(({ calls }) => calls.filter((path) => path === range.path).length);
    assert.deepEqual(ranges, [0, 1, 0]);
    // The list of the second member has only itself: the first was given and stays.
    await server(1).called(memberList.path, 2);
    await server(0).listen();
    server(1).stop();
    await store.range({ key: 'b' });
    assert.equal(server(2).calls.length, 0);
    assert.equal(server(0).calls.at(-1), range.path);
  });

  it('asks for the members soon after one was lost, before all that it knows are', async () => {
    const members = (indexes: readonly number[]) =>
      memberList.responseSerialize({
        header: HEADER,
        members: indexes.map((index) => ({ clientURLs: [server(index).endpoint] })),
      });
    server(0).onUnary(memberList.path, () => members([0, 1]));
    server(1).onUnary(memberList.path, () => members([1, 2]));
    server(2).onUnary(memberList.path, () => members([2]));
    const options = { clock: new SlowSyncClock(), random: new FirstRandom(), syncMembers: true };
    store = await connect(server(0).endpoint, options);
    server(0).stop();
    await store.range({ key: 'a' });
    await server(1).called(memberList.path, 1);
    // By the time that this is answered, the other is too.
    await store.range({ key: 'b' });
    server(1).stop();
    await store.range({ key: 'c' });
    assert.ok(server(2).calls.includes(range.path));
  });

  it('asks again soon when one is lost while it is asked', async () => {
    const answer = memberList.responseSerialize({
      header: HEADER,
      members: [0, 1].map((index) => ({ clientURLs: [server(index).endpoint] })),
    });
    server(0).onUnary(memberList.path, () => answer);
    server(1).onUnary(memberList.path, async () => {
      server(1).stop();
      await server(0).listen();
      return answer;
    });
    const options = { clock: new SlowSyncClock(), random: new FirstRandom(), syncMembers: true };
    store = await connect(server(0).endpoint, options);
    server(0).stop();
    await store.range({ key: 'a' });
    await server(1).called(memberList.path, 1);
    // Nobody calls any more: what it knows it finds out by itself.
    await server(0).called(memberList.path, 2);
  });
});
