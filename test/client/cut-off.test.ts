// Proves what a client makes of calls that end without the status that every server owes: the
// member failed, whatever the connection's library calls it, so reads go on and a write is of
// unknown outcome, and is repeated only where that was asked for or where no server looked at it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { askMember, connect } from '../../src/client/index.js';
import type { Store } from '../../src/store/index.js';
import { SERVICES } from '../../src/wire/services.js';
import { HEADER } from './fake-server.js';
import { QuickClock } from './quick-clock.js';
import { Recorder } from './recorder.js';

const { put, range } = SERVICES['etcdserverpb.KV'];
const { leaseKeepAlive } = SERVICES['etcdserverpb.Lease'];
const { status } = SERVICES['etcdserverpb.Maintenance'];
const { watch } = SERVICES['etcdserverpb.Watch'];
const header = { clusterId: 1n, memberId: 2n, revision: 10, raftTerm: 3 };
const GRPC = { 'content-type': 'application/grpc' };

/** What is answered to calls that are not cut off. */
const ANSWERS: Readonly<Record<string, Buffer>> = {
  [status.path]: status.responseSerialize({ header: HEADER, version: '3.7.0', leader: 2n }),
  [put.path]: put.responseSerialize({ header }),
  [range.path]: range.responseSerialize({ header, kvs: [], more: false, count: 4 }),
  [leaseKeepAlive.path]: leaseKeepAlive.responseSerialize({ header, id: 1n, ttlSeconds: 60 }),
};

type Cut = (stream: ServerHttp2Stream, socket: Socket) => void;

function reset(stream: ServerHttp2Stream, socket: Socket, after: () => void): void {
  const { session } = stream;
  after();
  // The client is to have read what was said before.
  session?.ping(() => socket.resetAndDestroy());
}

/** Ways to end a call without a status. */
const CUTS: Readonly<Record<string, Cut>> = {
  'ends the stream as if it were done': (stream) => stream.close(constants.NGHTTP2_NO_ERROR),
  'ends the stream after it began to answer': (stream) => {
    stream.respond(GRPC, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.close(constants.NGHTTP2_NO_ERROR));
    stream.end();
  },
  'ends the stream by a failure': (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  'cancels the stream': (stream) => stream.close(constants.NGHTTP2_CANCEL),
  'calls for calm': (stream) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
  'resets the connection': (stream, socket) => reset(stream, socket, () => undefined),
  'says that it ends and resets the connection': (stream, socket) =>
    reset(stream, socket, () => stream.session?.goaway(constants.NGHTTP2_NO_ERROR, stream.id)),
  'closes the connection': (_stream, socket) => socket.destroy(),
};

describe('a call without a status', () => {
  let server: Http2Server;
  let store: Store;
  let socket: Socket;
  /** Calls that are still to be cut off, and how. */
  let cuts = 0;
  let cut: Cut = () => undefined;
  let cutPaths: readonly string[] = [];
  const calls: string[] = [];

  function serve(stream: ServerHttp2Stream, path: string): void {
    stream.on('error', () => undefined);
    stream.resume();
    if (path !== status.path) calls.push(path);
    if (cutPaths.includes(path) && cuts > 0) {
      cuts--;
      cut(stream, socket);
      return;
    }
    const body = ANSWERS[path];
    stream.respond(GRPC, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    if (body === undefined) return;
    const frame = Buffer.alloc(5 + body.length);
    frame.writeUInt32BE(body.length, 1);
    frame.set(body, 5);
    if (path === leaseKeepAlive.path) stream.write(frame);
    else stream.end(frame);
  }

  function cutOff(how: Cut, times: number, ...paths: readonly string[]): void {
    cut = how;
    cuts = times;
    cutPaths = paths;
  }

  function endpoint(): string {
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  beforeEach(async () => {
    calls.length = 0;
    cuts = 0;
    server = createServer();
    server.on('connection', (accepted: Socket) => {
      socket = accepted;
      socket.on('error', () => undefined);
    });
    server.on('session', (session) => session.on('error', () => undefined));
    server.on('stream', (stream, headers) => serve(stream, headers[':path'] ?? ''));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    store = await connect(endpoint(), { clock: new QuickClock(), pipe: false });
  });

  afterEach(async () => {
    await store.close();
    server.close();
  });

  for (const [what, how] of Object.entries(CUTS)) {
    it(`is a failure of the member: it ${what}`, async () => {
      cutOff(how, 1, put.path);
      await assert.rejects(store.put({ key: 'a' }), { code: 'Unavailable' });
      assert.deepEqual(calls, [put.path]);
      cutOff(how, 2, range.path);
      assert.equal((await store.range({ key: 'a' })).count, 4);
      assert.deepEqual(calls, [put.path, range.path, range.path, range.path]);
      cutOff(how, 1, leaseKeepAlive.path);
      assert.equal((await store.leases.keepAlive(1n)).ttlSeconds, 60);
    });
  }

  it('is repeated where writes may be', async () => {
    const careless = await connect(endpoint(), {
      clock: new QuickClock(),
      writes: 'at-least-once',
      pipe: false,
    });
    try {
      for (const how of Object.values(CUTS)) {
        calls.length = 0;
        cutOff(how, 1, put.path);
        await careless.put({ key: 'a' });
        assert.deepEqual(calls, [put.path, put.path]);
      }
    } finally {
      await careless.close();
    }
  });

  it('is repeated by a watch, which says nothing of it', async () => {
    cutOff(CUTS['says that it ends and resets the connection'] as Cut, 2, watch.path);
    const seen = new Recorder(store.watch({ key: 'a' }));
    while (calls.length < 3) await new Promise(setImmediate);
    assert.deepEqual(calls, [watch.path, watch.path, watch.path]);
    assert.equal(seen.error, undefined);
    seen.stop();
  });

  it('does not pass for the answer of a member that is asked how it is', async () => {
    cutOff(CUTS['ends the stream by a failure'] as Cut, Number.POSITIVE_INFINITY, status.path);
    await assert.rejects(askMember(endpoint(), { timeoutMs: 300 }), { code: 'Unavailable' });
    await assert.rejects(connect(endpoint(), { timeoutMs: 300 }), { code: 'Unavailable' });
  });

  it('is sent again, although it writes, where the server refused to look at it', async () => {
    cutOff((stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM), 2, put.path);
    await store.put({ key: 'a' });
    assert.deepEqual(calls, [put.path, put.path, put.path]);
  });
});
