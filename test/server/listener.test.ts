// Proves that the listener tells HTTP/1 from HTTP/2 by the first bytes, however they arrive, and
// that no client (silent, slow, rude, or one too many) can hold or hurt it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { Listener } from '../../src/server/listener.js';
import { until } from './support/until.js';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

interface Subject {
  readonly listener: Listener;
  readonly port: number;
  readonly refused: string[];
}

describe('Listener', () => {
  const open: (() => Promise<void>)[] = [];

  async function start(
    settings: { connectionsMax?: number; prefaceTimeoutMs?: number; serve?: boolean } = {},
  ): Promise<Subject> {
    const refused: string[] = [];
    const http1 = createServer((request, response) => response.end(`one ${request.url}`));
    const http2 = createHttp2Server((_request, response) => response.end('two'));
    const listener = new Listener({
      http1: (socket) => http1.emit('connection', socket),
      http2: (socket) => http2.emit('connection', socket),
      connectionsMax: settings.connectionsMax ?? 100,
      prefaceTimeoutMs: settings.prefaceTimeoutMs ?? 5000,
      streamsMax: 100,
      firstCallWaitMs: 1000,
      refused: (reason) => refused.push(reason),
    });
    const { port } = await listener.listen({ host: '127.0.0.1', port: 0 });
    if (settings.serve !== false) listener.serve();
    open.push(() => listener.close());
    return { listener, port, refused };
  }

  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  async function dial(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  async function get(port: number, path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return await response.text();
  }

  async function getHttp2(port: number): Promise<string> {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const request = session.request({ ':path': '/' });
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    await once(request, 'end');
    session.close();
    return body;
  }

  it('serves both protocols on one port', async () => {
    const { port } = await start();
    assert.equal(await get(port, '/a'), 'one /a');
    assert.equal(await getHttp2(port), 'two');
    assert.equal(await get(port, '/b'), 'one /b');
  });

  it('decides by a preface that arrives byte by byte', async () => {
    const { port } = await start();
    const socket = await dial(port);
    socket.setNoDelay(true);
    for (const character of PREFACE) {
      socket.write(character);
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.equal(answer[3], 4, 'a SETTINGS frame answers');
    socket.destroy();
  });

  it('serves a request whose head arrives in pieces', async () => {
    const { port } = await start();
    const socket = await dial(port);
    socket.setNoDelay(true);
    for (const piece of ['P', 'OST /x HT', 'TP/1.1\r\nhost: a\r\n', 'content-length: 0\r\n\r\n']) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /one \/x$/);
    socket.destroy();
  });

  it('lets a connection that came before it serves wait', async () => {
    const { listener, port } = await start({ serve: false });
    const answer = get(port, '/early');
    await until('the connection', () => listener.connectionCount === 1);
    listener.serve();
    assert.equal(await answer, 'one /early');
  });

  it('drops silence after the deadline, and half a preface too', async () => {
    const { port, refused } = await start({ prefaceTimeoutMs: 60 });
    const silent = await dial(port);
    const half = await dial(port);
    half.write(PREFACE.slice(0, 10));
    await Promise.all([once(silent, 'close'), once(half, 'close')]);
    assert.deepEqual(refused, ['timeout', 'timeout']);
    assert.equal(await get(port, '/after'), 'one /after');
  });

  it('survives garbage, half-open ends and resets', async () => {
    const { listener, port, refused } = await start();
    const garbage = await dial(port);
    garbage.write(Buffer.from('\u0000\u0001\u0002PRI * nonsense\r\n\r\n', 'latin1'));
    garbage.resume();
    await once(garbage, 'close');
    const torn = await dial(port);
    torn.write(PREFACE);
    torn.write(Buffer.from([255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3]));
    torn.resume();
    await once(torn, 'close');
    const halfOpen = await dial(port);
    halfOpen.end('PRI');
    halfOpen.resume();
    await once(halfOpen, 'close');
    const reset = await dial(port);
    reset.write('GET');
    reset.resetAndDestroy();
    await until('the end of all', () => listener.connectionCount === 0);
    assert.ok(refused.includes('closed'));
    assert.equal(await get(port, '/after'), 'one /after');
    assert.ok(listener.connectionCount <= 1);
  });

  it('closes connections beyond its cap and frees their places again', async () => {
    const { listener, port, refused } = await start({ connectionsMax: 3 });
    const kept = await Promise.all([dial(port), dial(port), dial(port)]);
    const extra = await dial(port);
    await once(extra, 'close');
    assert.deepEqual(refused, ['tooMany']);
    for (const socket of kept) socket.destroy();
    await until('room', () => listener.connectionCount === 0);
    assert.equal(await get(port, '/room'), 'one /room');
  });

  it('says why it cannot listen', async () => {
    const { port } = await start();
    const second = new Listener({
      http1: () => {},
      http2: () => {},
      connectionsMax: 1,
      prefaceTimeoutMs: 1,
      streamsMax: 1,
      firstCallWaitMs: 1,
      refused: () => {},
    });
    await assert.rejects(second.listen({ host: '127.0.0.1', port }), { code: 'EADDRINUSE' });
    await second.close();
  });

  it('closes with connections still open', async () => {
    const { listener, port } = await start();
    const socket = await dial(port);
    await listener.close();
    await once(socket, 'close');
    assert.equal(listener.connectionCount, 0);
  });
});
