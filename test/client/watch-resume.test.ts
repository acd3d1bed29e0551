// Proves that a watch neither skips nor repeats a revision whatever the stream does: breaks before
// the first event, between revisions, within a split response; resumption into compacted history;
// a server that repeats itself; answers to several requests at once; requests taken back.
import assert from 'node:assert/strict';
import { connect } from '../../src/client/index.js';
import { allKeys, type Store, type StoreEvent, toBytes } from '../../src/store/index.js';
import { FakeServer, type FakeWatch, watchStreams } from './fake-server.js';
import { QuickClock } from './quick-clock.js';
import { Recorder } from './recorder.js';

function event(revision: number, key = 'k'): StoreEvent {
  const kv = {
    key: toBytes(key),
    value: toBytes('v'),
    createRevision: revision,
    modRevision: revision,
    version: 1,
    lease: 0n,
  };
  return { type: 'put', kv };
}

/** Batches as `revision:number of events`. */
function shape(recorder: Recorder<{ revision: number; events: readonly StoreEvent[] }>): string {
  return recorder.values.map((batch) => `${batch.revision}:${batch.events.length}`).join(' ');
}

describe('watch over a stream that breaks', () => {
  let server: FakeServer;
  let store: Store;
  let nextStream: () => Promise<FakeWatch>;

  beforeEach(async () => {
    server = await FakeServer.start();
    nextStream = watchStreams(server);
    store = await connect(server.endpoint, { clock: new QuickClock() });
  });

  afterEach(async () => {
    await store.close();
    server.stop();
  });

  it('pins a start of "now" when the watch is opened', async () => {
    const seen = new Recorder(store.watch(allKeys()));
    const first = await nextStream();
    assert.equal(await first.startRevision(), 0);
    first.send(10, { watchId: 0, created: true });
    first.break();
    const second = await nextStream();
    assert.equal(await second.startRevision(), 11);
    second.send(20, { watchId: 0, created: true });
    second.send(20, { watchId: 0, events: [event(11), event(15)] });
    await seen.take(2);
    assert.equal(shape(seen), '11:1 15:1');
  });

  it('resumes after the last revision, and drops what a server repeats', async () => {
    const seen = new Recorder(store.watch({ ...allKeys(), startRevision: 5 }));
    const first = await nextStream();
    assert.equal(await first.startRevision(), 5);
    first.send(10, { watchId: 0, created: true });
    first.send(10, { watchId: 0, events: [event(5), event(6), event(6, 'other'), event(8)] });
    await seen.take(3);
    first.break();
    const second = await nextStream();
    assert.equal(await second.startRevision(), 9);
    second.send(10, { watchId: 0, created: true });
    second.send(10, { watchId: 0, events: [event(8), event(9)] });
    await seen.take(4);
    assert.equal(shape(seen), '5:1 6:2 8:1 9:1');
  });

  it('survives the loss of the connection and of the server', async () => {
    const seen = new Recorder(store.watch({ ...allKeys(), startRevision: 5 }));
    const first = await nextStream();
    first.send(10, { watchId: 0, created: true });
    first.send(10, { watchId: 0, events: [event(5)] });
    await seen.take(1);
    server.stop();
    await server.listen();
    const second = await nextStream();
    assert.equal(await second.startRevision(), 6);
    second.send(10, { watchId: 0, created: true });
    second.send(10, { watchId: 0, events: [event(6)] });
    await seen.take(2);
  });

  it('opens the stream again when the server ends it in peace or fails strangely', async () => {
    const seen = new Recorder(store.watch({ ...allKeys(), startRevision: 5 }));
    for (const code of [1, 2, 13]) {
      const stream = await nextStream();
      assert.equal(await stream.startRevision(), 5);
      stream.send(4, { watchId: 0, created: true });
      stream.break(code);
    }
    const last = await nextStream();
    last.send(10, { watchId: 0, created: true });
    last.send(10, { watchId: 0, events: [event(5)] });
    await seen.take(1);
  });

  it('joins fragments, and forgets the parts of a stream that broke', async () => {
    const seen = new Recorder(store.watch({ ...allKeys(), startRevision: 5 }));
    const first = await nextStream();
    const request = await first.request();
    assert.equal(request.kind === 'create' && request.fragment, true);
    first.send(10, { watchId: 0, created: true });
    first.send(10, { watchId: 0, fragment: true, events: [event(5), event(6)] });
    first.send(10, { watchId: 0, fragment: true, events: [event(6, 'b')] });
    first.send(10, { watchId: 0, events: [event(6, 'c'), event(7)] });
    await seen.take(3);
    assert.equal(shape(seen), '5:1 6:3 7:1');
    first.send(10, { watchId: 0, fragment: true, events: [event(8)] });
    first.break();
    const second = await nextStream();
    assert.equal(await second.startRevision(), 8);
    second.send(10, { watchId: 0, created: true });
    second.send(10, { watchId: 0, events: [event(8), event(8, 'b')] });
    await seen.take(4);
    assert.equal(shape(seen), '5:1 6:3 7:1 8:2');
  });

  it('fails when history was compacted meanwhile, instead of skipping', async () => {
    const seen = new Recorder(store.watch({ ...allKeys(), startRevision: 5 }));
    const all = new Recorder(store.revisions$);
    const first = await nextStream();
    first.send(10, { watchId: 0, created: true });
    first.send(10, { watchId: 1, created: true });
    first.send(10, { watchId: 0, events: [event(5)] });
    first.send(11, { watchId: 1, events: [event(11)] });
    await seen.take(1);
    await all.take(1);
    first.break();
    const second = await nextStream();
    second.send(30, { watchId: 4, created: true });
    second.send(30, { watchId: 5, created: true });
    second.send(30, { watchId: 4, canceled: true, compactRevision: 20 });
    second.send(30, { watchId: 5, canceled: true, compactRevision: 20 });
    const failure = (await seen.failure()) as { code: string; compactRevision: number };
    assert.deepEqual([failure.code, failure.compactRevision], ['Compacted', 20]);
    await all.completion();
    assert.equal(all.error, undefined);
  });

  it('resumes behind a progress notification, and passes it on to who asked', async () => {
    const request = { ...allKeys(), startRevision: 5 };
    const told = new Recorder(store.watch({ ...request, progressNotify: true }));
    const untold = new Recorder(store.watch(request));
    const first = await nextStream();
    const create = await first.request();
    assert.equal(create.kind === 'create' && create.request.progressNotify, true);
    first.send(10, { watchId: 0, created: true });
    first.send(10, { watchId: 1, created: true });
    for (const watchId of [0, 1]) first.send(40, { watchId });
    await told.take(1);
    assert.equal(shape(told), '40:0');
    first.break();
    const second = await nextStream();
    assert.deepEqual([await second.startRevision(), await second.startRevision()], [41, 41]);
    second.send(40, { watchId: 0, created: true });
    second.send(40, { watchId: 1, created: true });
    second.send(41, { watchId: 1, events: [event(41)] });
    await untold.take(1);
    assert.equal(shape(untold), '41:1');
  });

  it('matches answers by the order of requests, and takes back what is not wanted', async () => {
    const a = new Recorder(store.watch({ key: 'a' }));
    const gone = new Recorder(store.watch({ key: 'gone' }));
    const b = new Recorder(store.watch({ key: 'b' }));
    const stream = await nextStream();
    gone.stop();
    for (const key of ['a', 'gone', 'b']) {
      const request = await stream.request();
      assert.ok(request.kind === 'create');
      assert.deepEqual(request.request.key, toBytes(key));
    }
    stream.send(10, { watchId: 7, created: true });
    stream.send(10, { watchId: 3, created: true });
    stream.send(10, { watchId: 5, created: true });
    stream.send(11, { watchId: 3, events: [event(11, 'gone')] });
    stream.send(12, { watchId: 5, events: [event(12, 'b')] });
    stream.send(13, { watchId: 7, events: [event(13, 'a')] });
    assert.deepEqual(await stream.request(), { kind: 'cancel', watchId: 3 });
    await a.take(1);
    assert.deepEqual([shape(a), shape(b), shape(gone)], ['13:1', '12:1', '']);
    b.stop();
    assert.deepEqual(await stream.request(), { kind: 'cancel', watchId: 5 });
    assert.equal(server.calls.length, 1);
  });

  it('ends one watch that the server refuses, and all when it refuses the stream', async () => {
    const refused = new Recorder(store.watch({ key: 'a' }));
    const other = new Recorder(store.watch({ key: 'b' }));
    const stream = await nextStream();
    stream.send(10, {
      watchId: -1,
      created: true,
      canceled: true,
      cancelReason: 'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    });
    stream.send(10, { watchId: 0, created: true });
    assert.equal(((await refused.failure()) as { code: string }).code, 'PermissionDenied');
    assert.equal(other.error, undefined);
    stream.break(16, 'etcdserver: invalid auth token');
    assert.equal(((await other.failure()) as { code: string }).code, 'Unauthenticated');
  });

  it('asks for a member with a leader unless told not to', async () => {
    const watcher = new Recorder(store.watch({ key: 'a' }));
    assert.equal((await nextStream()).metadata['hasleader'], 'true');
    watcher.stop();
    const careless = await connect(server.endpoint, { requireLeader: false });
    const other = new Recorder(careless.watch({ key: 'a' }));
    assert.equal((await nextStream()).metadata['hasleader'], undefined);
    other.stop();
    await careless.close();
  });
});
