// Proves the rules of a watch stream that clients rely on: an answer for each request in its order
// and before any event of that watcher, ids, rejections, compaction, fragments, progress,
// cancellation, and that a client who does not read costs the member no memory and no one else an
// event.
import assert from 'node:assert/strict';
import { LIMITS, prefix, type WatchRequest } from '../../../src/store/index.js';
import { decodeWatchResponse, encodeWatchRequest } from '../../../src/wire/watch.js';
import { BytesClient, type BytesStream } from '../support/bytes-client.js';
import { FakeKernel } from '../support/fake-kernel.js';
import {
  startFakeServer,
  startTestServer,
  stopTestServers,
  type TestServer,
} from '../support/test-server.js';
import { until } from '../support/until.js';

type Response = ReturnType<typeof decodeWatchResponse>;

describe('the Watch service', () => {
  let kernel: FakeKernel;
  let server: TestServer;
  let client: BytesClient;
  let stream: BytesStream;

  beforeEach(async () => {
    kernel = new FakeKernel();
    server = await startFakeServer(kernel, {
      'watch-progress-notify-interval': '100ms',
      'max-request-bytes': '1000',
    });
    client = new BytesClient(server.address);
    stream = client.stream('/etcdserverpb.Watch/Watch');
  });

  afterEach(async () => {
    stream.cancel();
    client.close();
    await stopTestServers();
  });

  function create(
    request: WatchRequest,
    more: { watchId?: number; fragment?: boolean } = {},
  ): void {
    const { watchId = 0, fragment = false } = more;
    stream.send(encodeWatchRequest({ kind: 'create', request, watchId, fragment }));
  }

  async function next(): Promise<Response> {
    return decodeWatchResponse(await stream.next());
  }

  async function put(key: string, value = ''): Promise<void> {
    await kernel.store.put({ key, value });
  }

  /** What the metrics say of streams whose clients do not read. */
  async function slowWatchers(): Promise<number> {
    const page = await (await fetch(`http://${server.address}/metrics`)).text();
    assert.ok(page.includes('# TYPE etcd_debugging_mvcc_slow_watcher_total gauge\n'));
    return Number(/^etcd_debugging_mvcc_slow_watcher_total (\d+)$/m.exec(page)?.[1]);
  }

  async function untilSlow(count: number): Promise<void> {
    await until(`${count} slow watchers`, async () => (await slowWatchers()) === count);
  }

  function keysOf(response: Response): string[] {
    return response.events.map(({ type, kv }) => `${type} ${Buffer.from(kv.key).toString()}`);
  }

  it('answers creates in order, each before its events', async () => {
    await put('a1');
    await put('b1');
    for (const key of ['a', 'b', 'c']) create({ ...prefix(key), startRevision: 1 });
    const seen: string[] = [];
    for (let i = 0; i < 5; i++) {
      const response = await next();
      seen.push(response.created ? `created ${response.watchId}` : `events ${response.watchId}`);
    }
    assert.deepEqual(
      seen.filter((line) => line.startsWith('created')),
      ['created 0', 'created 1', 'created 2'],
    );
    assert.ok(seen.indexOf('events 0') > seen.indexOf('created 0'));
    assert.ok(seen.indexOf('events 1') > seen.indexOf('created 1'));
  });

  it('says in the answer which revision it starts after', async () => {
    await put('a');
    create({ key: 'a' });
    assert.equal((await next()).header.revision, 2);
    await put('a');
    const { events, header } = await next();
    assert.equal(events[0]?.kv.modRevision, 3);
    assert.equal(header.revision, 3);
  });

  it('keeps ids that clients choose and picks others around them', async () => {
    create({ key: 'a' }, { watchId: 1 });
    create({ key: 'a' });
    create({ key: 'a' });
    create({ key: 'a' }, { watchId: 1 });
    const answers = [await next(), await next(), await next(), await next()];
    assert.deepEqual(
      answers.map(({ watchId }) => watchId),
      [1, 0, 2, -1],
    );
    const { created, canceled, cancelReason } = answers[3] as Response;
    assert.ok(created && canceled);
    assert.equal(cancelReason, 'mvcc: duplicate watch ID provided on the WatchStream');
  });

  it('rejects ranges and revisions that make no sense, and goes on', async () => {
    create({ key: 'b', rangeEnd: 'a' });
    create({ key: 'a', startRevision: -1 });
    create({ key: 'a' });
    const empty = await next();
    assert.deepEqual(
      [empty.created, empty.canceled, empty.watchId, empty.cancelReason],
      [true, true, -1, 'mvcc: watcher range is empty'],
    );
    const negative = await next();
    assert.equal(negative.cancelReason, 'etcdserver: mvcc: required revision has been compacted');
    assert.equal((await next()).watchId, 0);
  });

  it('creates, then cancels with the compaction revision when history is gone', async () => {
    for (let i = 0; i < 5; i++) await put('a');
    kernel.compact(4);
    create({ key: 'a', startRevision: 2 });
    const created = await next();
    assert.deepEqual([created.created, created.canceled], [true, false]);
    const { canceled, compactRevision, cancelReason, watchId } = await next();
    assert.deepEqual([canceled, compactRevision, cancelReason, watchId], [true, 4, '', 0]);
  });

  it('replays history, joins revisions and goes over to what happens', async () => {
    for (let i = 0; i < 250; i++) await put(`a${i}`);
    create({ ...prefix('a'), startRevision: 2 });
    await next();
    const seen: number[] = [];
    let responses = 0;
    while (seen.length < 250) {
      const { events } = await next();
      responses += 1;
      seen.push(...events.map(({ kv }) => kv.modRevision));
    }
    assert.deepEqual(
      seen,
      [...Array(250).keys()].map((i) => i + 2),
    );
    assert.equal(responses, Math.ceil(250 / LIMITS.watchResponseRevisions));
    await put('a-live');
    assert.deepEqual(keysOf(await next()), ['put a-live']);
  });

  it('never splits a revision over two responses without fragments', async () => {
    create(prefix('k'));
    await next();
    const success = [...Array(40).keys()].map((i) => {
      return { kind: 'put', key: `k${i}`, value: 'x'.repeat(20_000) } as const;
    });
    await kernel.store.txn({ success });
    const { events, fragment } = await next();
    assert.equal(events.length, 40);
    assert.equal(fragment, false);
  });

  it('sends large revisions in fragments to those who ask for them', async () => {
    create(prefix('k'), { fragment: true });
    await next();
    const success = [...Array(30).keys()].map((i) => {
      return { kind: 'put', key: `k${i}`, value: 'x'.repeat(50_000) } as const;
    });
    await kernel.store.txn({ success });
    const parts: Response[] = [];
    do parts.push(await next());
    while (parts.at(-1)?.fragment === true);
    assert.ok(parts.length > 2, `${parts.length} parts`);
    assert.equal(parts.flatMap(({ events }) => events).length, 30);
    assert.ok(parts.every(({ header }) => header.revision === 2));
  });

  it('filters events and shows the pair before', async () => {
    await put('a', 'old');
    create({ key: 'a', noPut: true, prevKv: true });
    create({ key: 'a', noDelete: true, prevKv: true });
    await next();
    await next();
    await put('a', 'new');
    await kernel.store.delete({ key: 'a' });
    const byId = new Map<number, Response>();
    while (byId.size < 2) {
      const response = await next();
      byId.set(response.watchId, response);
    }
    assert.deepEqual(keysOf(byId.get(0) as Response), ['delete a']);
    assert.deepEqual(keysOf(byId.get(1) as Response), ['put a']);
    const before = byId.get(1)?.events[0]?.prevKv?.value;
    assert.equal(Buffer.from(before ?? '').toString(), 'old');
  });

  it('cancels once, and stays silent about ids that it does not know', async () => {
    create({ key: 'a' });
    await next();
    stream.send(encodeWatchRequest({ kind: 'cancel', watchId: 77 }));
    stream.send(encodeWatchRequest({ kind: 'cancel', watchId: 0 }));
    stream.send(encodeWatchRequest({ kind: 'cancel', watchId: 0 }));
    const { canceled, watchId } = await next();
    assert.deepEqual([canceled, watchId], [true, 0]);
    await put('a');
    create({ key: 'b' });
    assert.equal((await next()).created, true, 'nothing came in between');
    assert.equal(kernel.status().watcherCount, 1);
  });

  it('promises progress only when every watcher of the stream is level', async () => {
    stream.send(encodeWatchRequest({ kind: 'progress' }));
    create({ key: 'a' });
    assert.equal((await next()).created, true, 'no watcher, no promise');
    await put('b');
    stream.send(encodeWatchRequest({ kind: 'progress' }));
    const { watchId, events, header } = await next();
    assert.deepEqual([watchId, events.length, header.revision], [-1, 0, 2]);
  });

  it('tells quiet watchers how far they are, if they want to know', async () => {
    create({ key: 'a', progressNotify: true });
    create({ key: 'a' });
    await next();
    await next();
    await put('b');
    const { watchId, events, header } = await next();
    assert.deepEqual([watchId, events.length, header.revision], [0, 0, 2]);
  });

  it('goes on after the client has no more requests', async () => {
    create({ key: 'a' });
    await next();
    stream.halfClose();
    await put('a');
    assert.deepEqual(keysOf(await next()), ['put a']);
  });

  it('holds history back while the client does not read, and loses nothing', async () => {
    create(prefix('k'));
    await next();
    stream.pause();
    const value = 'x'.repeat(60_000);
    for (let i = 0; i < 400; i++) await put(`k${i}`, value);
    await untilSlow(1);
    stream.resume();
    const seen: number[] = [];
    while (seen.length < 400) seen.push(...(await next()).events.map(({ kv }) => kv.modRevision));
    assert.deepEqual(
      seen,
      [...Array(400).keys()].map((i) => i + 2),
    );
    await untilSlow(0);
  });

  it('no longer counts a slow client that went away', async () => {
    create(prefix('k'));
    await next();
    stream.pause();
    for (let i = 0; i < 400; i++) await put(`k${i}`, 'x'.repeat(60_000));
    await untilSlow(1);
    stream.cancel();
    await stream.ended;
    await untilSlow(0);
  });

  it('ends the stream on bytes that are no request, and frees its watchers', async () => {
    create({ key: 'a' });
    await next();
    stream.send(Uint8Array.from([10, 200]));
    assert.equal((await stream.ended).code, 13);
    assert.equal(kernel.status().watcherCount, 0);
  });

  it('sends what has happened before the member stops', async () => {
    create({ ...prefix('a') });
    await next();
    await put('a1');
    const stopped = server.stop();
    assert.deepEqual(keysOf(await next()), ['put a1']);
    assert.equal((await stream.ended).code, 14);
    await stopped;
  });

  it('sends what has happened, although nobody was woken for it yet', async () => {
    const real = await startTestServer();
    const other = new BytesClient(real.address);
    const watch = other.stream('/etcdserverpb.Watch/Watch');
    const request = { ...prefix('a') };
    watch.send(encodeWatchRequest({ kind: 'create', request, watchId: 0, fragment: false }));
    await watch.next();
    await real.kernel.store.put({ key: 'a1', value: '' });
    const stopped = real.stop();
    assert.deepEqual(keysOf(decodeWatchResponse(await watch.next())), ['put a1']);
    assert.equal((await watch.ended).code, 14);
    await stopped;
    other.close();
  });

  it('ends with a status that clients reconnect on when the member stops', async () => {
    create({ key: 'a' });
    await next();
    const stopped = server.stop();
    assert.equal((await stream.ended).code, 14);
    await stopped;
    assert.ok(kernel.closed);
  });
});
