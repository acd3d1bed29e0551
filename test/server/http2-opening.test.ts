// Proves that a connection whose client waits for our settings gets its first call looked at in
// whatever order and pieces its frames come, that it has a session after a while without a call,
// that every other client meets the session at once, and that nobody can make the listener wait or
// remember without end.
import assert from 'node:assert/strict';
import { createServer, type Http2Server } from 'node:http2';
import { Listener } from '../../src/server/listener.js';
import { LIMITS } from '../../src/store/index.js';
import {
  CONTINUATION,
  DATA,
  EMPTY_SETTINGS,
  END_HEADERS,
  END_STREAM,
  type Frame,
  frame,
  GOAWAY,
  HEADERS,
  HEADERS_BY_INDEX,
  headerBlock,
  PING,
  PREFACE,
  PRIORITY,
  RawHttp2,
  SETTINGS,
  SETTINGS_ACK,
  WINDOW_UPDATE,
} from './support/raw-http2.js';
import { until } from './support/until.js';

const STREAMS_MAX = 77;
const STREAMS_MAX_SETTING = Buffer.from([0, 3, 0, 0, 0, STREAMS_MAX]);
const HELLO = Buffer.concat([PREFACE, EMPTY_SETTINGS]);
const WHOLE = END_HEADERS | END_STREAM;
const URL_CALL = frame(HEADERS, WHOLE, 1, headerBlock('http://127.0.0.1:2379'));
const PLAIN_CALL = frame(HEADERS, WHOLE, 1, headerBlock('127.0.0.1:2379'));
const SECOND_CALL = frame(HEADERS, WHOLE, 3, HEADERS_BY_INDEX);
const WINDOW = frame(WINDOW_UPDATE, 0, 0, Buffer.from([0, 0, 1, 0]));
const PRIORITY_FRAME = frame(PRIORITY, 0, 1, Buffer.from([0, 0, 0, 0, 9]));
const PROTOCOL_ERROR = 'reset 1';

interface Subject {
  readonly listener: Listener;
  readonly port: number;
  readonly refused: string[];
  /** Connections handed over. */
  readonly handed: () => number;
}

describe('the opening of an HTTP/2 connection', () => {
  const open: (() => Promise<void>)[] = [];

  async function start(
    settings: { prefaceTimeoutMs?: number; firstCallWaitMs?: number } = {},
  ): Promise<Subject> {
    const refused: string[] = [];
    let handed = 0;
    const http2: Http2Server = createServer({ settings: { maxConcurrentStreams: STREAMS_MAX } });
    http2.on('sessionError', () => {});
    http2.on('stream', (stream, headers) => {
      let bytes = 0;
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      stream.on('end', () => {
        stream.respond({ ':status': 200 });
        stream.end(`${headers[':authority']} ${bytes}`);
      });
    });
    const listener = new Listener({
      http1: (socket) => socket.destroy(),
      http2: (socket) => {
        handed += 1;
        http2.emit('connection', socket);
      },
      connectionsMax: 10,
      prefaceTimeoutMs: settings.prefaceTimeoutMs ?? 5000,
      streamsMax: STREAMS_MAX,
      firstCallWaitMs: settings.firstCallWaitMs ?? 5000,
      refused: (reason) => refused.push(reason),
    });
    const { port } = await listener.listen({ host: '127.0.0.1', port: 0 });
    listener.serve();
    open.push(() => listener.close());
    return { listener, port, refused, handed: () => handed };
  }

  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  /** A client that has been told our settings, before there is a session. */
  async function greeted(subject: Subject): Promise<RawHttp2> {
    const client = await RawHttp2.dial(subject.port);
    client.send(HELLO);
    await client.settled(1);
    assert.deepEqual(client.settings[0]?.payload, STREAMS_MAX_SETTING);
    assert.equal(subject.handed(), 0);
    return client;
  }

  /** Its session goes on after the first call: the second refers to what the first one said. */
  async function goesOn(client: RawHttp2, authority: string): Promise<void> {
    await client.settled(2);
    assert.deepEqual(client.settings[1]?.payload, STREAMS_MAX_SETTING);
    client.send(SETTINGS_ACK, SECOND_CALL);
    assert.equal(await client.answer(3), `${authority} 0`);
    assert.ok(!client.frames.some(({ kind }) => kind === GOAWAY));
  }

  const ORDERS: Record<string, readonly Buffer[]> = {
    'receipt, call': [SETTINGS_ACK, URL_CALL],
    'call, receipt': [URL_CALL, SETTINGS_ACK],
    'window, receipt, priority, call': [WINDOW, SETTINGS_ACK, PRIORITY_FRAME, URL_CALL],
    'priority, call, window, receipt': [PRIORITY_FRAME, URL_CALL, WINDOW, SETTINGS_ACK],
  };
  for (const [order, frames] of Object.entries(ORDERS)) {
    it(`takes ${order}: at once, frame by frame and byte by byte`, async () => {
      const subject = await start();
      for (const pieces of ['at once', 'frames', 'bytes']) {
        const client = await RawHttp2.dial(subject.port);
        if (pieces === 'bytes') await client.trickle(HELLO);
        else client.send(HELLO);
        await client.settled(1);
        if (pieces === 'at once') client.send(...frames);
        for (const each of pieces === 'at once' ? [] : frames) {
          if (pieces === 'bytes') await client.trickle(each);
          else client.send(each);
          await new Promise((resolve) => setImmediate(resolve));
        }
        assert.equal(await client.answer(), 'member 0', pieces);
        await goesOn(client, 'member');
        client.socket.destroy();
      }
      assert.deepEqual(subject.refused, []);
    });
  }

  it('takes a call that comes with the preface, and says nothing itself then', async () => {
    const { port } = await start();
    const client = await RawHttp2.dial(port);
    client.send(HELLO, URL_CALL);
    assert.equal(await client.answer(), 'member 0');
    assert.equal(client.settings.length, 1);
    client.send(SETTINGS_ACK, SECOND_CALL);
    assert.equal(await client.answer(3), 'member 0');
  });

  it('leaves an authority without a scheme as it is', async () => {
    const client = await greeted(await start());
    client.send(SETTINGS_ACK, PLAIN_CALL);
    assert.equal(await client.answer(), '127.0.0.1:2379 0');
    await goesOn(client, '127.0.0.1:2379');
  });

  it('takes a call whose header block goes on in other frames', async () => {
    const client = await greeted(await start());
    const more = frame(CONTINUATION, END_HEADERS, 1, Buffer.from([0x40, 1, 0x61, 1, 0x62]));
    const first = frame(HEADERS, END_STREAM, 1, headerBlock('https://localhost:1/'));
    client.send(SETTINGS_ACK, first, more);
    assert.equal(await client.answer(), 'member 0');
  });

  it('takes two calls that come together', async () => {
    const client = await greeted(await start());
    client.send(SETTINGS_ACK, URL_CALL, SECOND_CALL);
    assert.equal(await client.answer(), 'member 0');
    assert.equal(await client.answer(3), 'member 0');
  });

  it('keeps a window of data that comes before the receipt', async () => {
    const client = await greeted(await start());
    client.send(frame(HEADERS, END_HEADERS, 1, headerBlock('http://a')));
    for (let count = 1; count <= 4; count += 1) {
      const last = count === 4;
      client.send(frame(DATA, last ? END_STREAM : 0, 1, Buffer.alloc(last ? 16_383 : 16_384)));
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.send(SETTINGS_ACK);
    assert.equal(await client.answer(), 'member 65535');
  });

  it('gives a client without a call its session after a while', async () => {
    const subject = await start({ firstCallWaitMs: 30 });
    const client = await greeted(subject);
    client.send(SETTINGS_ACK);
    await client.settled(2);
    client.send(SETTINGS_ACK, PLAIN_CALL);
    assert.equal(await client.answer(), '127.0.0.1:2379 0');
  });

  it('gives it later still if the receipt is late, even with half a call behind it', async () => {
    const subject = await start({ firstCallWaitMs: 30 });
    const client = await greeted(subject);
    await new Promise((resolve) => setTimeout(resolve, 80));
    assert.equal(subject.handed(), 0);
    client.send(SETTINGS_ACK, PLAIN_CALL.subarray(0, 12));
    await client.settled(2);
    client.send(PLAIN_CALL.subarray(12), SETTINGS_ACK);
    assert.equal(await client.answer(), '127.0.0.1:2379 0');
  });

  it('gives one its session that stops after the preface', async () => {
    const { port, handed } = await start({ firstCallWaitMs: 30 });
    const client = await RawHttp2.dial(port);
    client.send(PREFACE, EMPTY_SETTINGS.subarray(0, 5));
    await until('a session', () => handed() === 1);
    client.send(EMPTY_SETTINGS.subarray(5), PLAIN_CALL);
    assert.equal(await client.answer(), '127.0.0.1:2379 0');
  });

  it('does not let anything wait that wants an answer', async () => {
    for (const wanting of [frame(PING, 0, 0, Buffer.alloc(8, 7)), frame(SETTINGS, 0, 0)]) {
      const client = await greeted(await start());
      client.send(SETTINGS_ACK, wanting);
      await client.settled(2);
      const kind = wanting.readUInt8(3);
      const answered = (): boolean =>
        client.frames.filter((each) => each.kind === kind && each.flags === 1).length ===
        (kind === PING ? 1 : 2);
      await until('receipts', answered);
      client.send(SETTINGS_ACK, PLAIN_CALL);
      assert.equal(await client.answer(), '127.0.0.1:2379 0');
    }
  });

  it('gives other clients their session at once', async () => {
    const { port, handed } = await start();
    for (const first of [
      frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0xff, 0xff])),
      frame(SETTINGS, 0, 0, Buffer.from([0, 2, 0, 0, 0, 0])).subarray(0, 3),
      frame(PING, 0, 0, Buffer.alloc(8)),
    ]) {
      const client = await RawHttp2.dial(port);
      const before = handed();
      client.send(PREFACE, first);
      await until('a session', () => handed() === before + 1);
      client.socket.destroy();
    }
  });

  it('still refuses a scheme in a call that is not the first', async () => {
    const client = await greeted(await start());
    client.send(SETTINGS_ACK, PLAIN_CALL);
    await client.answer();
    client.send(SETTINGS_ACK, frame(HEADERS, WHOLE, 3, headerBlock('http://a')));
    assert.equal(await client.answer(3), PROTOCOL_ERROR);
  });

  it('closes one that never acknowledges, whether it calls or not', async () => {
    const subject = await start({ prefaceTimeoutMs: 60, firstCallWaitMs: 20 });
    const silent = await greeted(subject);
    const calling = await greeted(subject);
    calling.send(URL_CALL);
    await Promise.all([silent.gone(), calling.gone()]);
    assert.deepEqual(subject.refused, ['timeout', 'timeout']);
    assert.equal(subject.handed(), 0);
    assert.equal(subject.listener.connectionCount, 0);
  });

  it('closes one that sends on and on without acknowledging', async () => {
    const subject = await start();
    const client = await greeted(subject);
    client.send(URL_CALL);
    const piece = frame(DATA, 0, 1, Buffer.alloc(16_384));
    for (let sent = 0; sent <= LIMITS.http2FirstBytes; sent += piece.length) client.send(piece);
    await client.gone();
    assert.deepEqual(subject.refused, ['tooMuch']);
  });

  it('lets the session end what is no HTTP/2', async () => {
    const tooLong = Buffer.from([1, 0, 0, 1, 4, 0, 0, 0, 1]);
    const cases = [
      [tooLong],
      [SETTINGS_ACK, tooLong],
      [Buffer.alloc(40, 0xff)],
      [SETTINGS_ACK, SETTINGS_ACK, SETTINGS_ACK],
    ];
    for (const [at, pieces] of cases.entries()) {
      const subject = await start();
      const client = await greeted(subject);
      client.send(...pieces);
      const isEnd = ({ kind }: Frame): boolean => kind === GOAWAY;
      await until(`the end of case ${at}`, () => client.closed || client.frames.some(isEnd));
      assert.equal(subject.handed(), 1);
    }
  });

  it('forgets one that leaves, and counts nothing', async () => {
    const subject = await start({ firstCallWaitMs: 40 });
    const [ending, resetting] = [await greeted(subject), await greeted(subject)];
    ending.socket.end();
    resetting.socket.resetAndDestroy();
    await until('no connection', () => subject.listener.connectionCount === 0);
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(subject.handed(), 0);
    assert.deepEqual(subject.refused, []);
  });

  it('closes with such a connection open', async () => {
    const subject = await start();
    const client = await greeted(subject);
    await subject.listener.close();
    await client.gone();
    assert.equal(subject.listener.connectionCount, 0);
  });
});
