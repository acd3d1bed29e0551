// Proves that a member is told of a peer whose process has ended, once, and soon; and that it is
// told nothing as long as anything of that peer is there: a stream in either direction, or somebody
// who listens at one of its addresses; nor of a peer that was never reached, or does not answer.
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Departure } from '../../../src/server/peer/departure.js';
import { knock } from '../../../src/server/peer/knock.js';
import { LIMITS } from '../../../src/store/index.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { startTestPeer, stopTestPeers, type TestPeer } from '../support/test-peer.js';
import { until } from '../support/until.js';

/** Nothing on this machine takes or refuses a connection to it. */
const NOWHERE = 'http://255.255.255.255:1';
const WITHIN_MS = 1500;

describe('the end of a peer’s process', () => {
  const open: (() => Promise<void>)[] = [];

  afterEach(async () => {
    await stopTestPeers();
    for (const close of open.splice(0)) await close();
  });

  /** Two that know each other, the second by way of a proxy; and whom the first takes for gone. */
  async function pair(): Promise<{ a: TestPeer; b: TestPeer; proxy: TcpProxy; gone: bigint[] }> {
    const a = await startTestPeer(1n);
    const b = await startTestPeer(2n);
    const proxy = await TcpProxy.start(() => b.port);
    const gone: bigint[] = [];
    a.network.onGone((peer) => gone.push(peer));
    return { a, b, proxy, gone };
  }

  async function linked(a: TestPeer, b: TestPeer, url = b.url): Promise<void> {
    a.network.setPeers([{ id: b.id, urls: [url] }]);
    b.network.setPeers([{ id: a.id, urls: [a.url] }]);
    const isLinked = ({ network }: TestPeer): boolean => network.connectedPeers.length === 1;
    await until('all streams', () => isLinked(a) && isLinked(b));
  }

  it('is told once, and again only after it was there again', async () => {
    const { a, b, proxy, gone } = await pair();
    await proxy.close();
    await linked(a, b);
    assert.deepEqual(gone, []);
    await b.stop();
    await until('the news', () => gone.length > 0);
    assert.ok(a.events.some((event) => event.startsWith('info peerEnded')));
    const again = await startTestPeer(2n, { port: b.port });
    await linked(a, again);
    assert.deepEqual(gone, [2n]);
    await again.stop();
    await until('the news', () => gone.length > 1);
    assert.deepEqual(gone, [2n, 2n]);
  });

  it('is not told while the peer’s own streams are open', async () => {
    const { a, b, proxy, gone } = await pair();
    const { url } = proxy;
    await linked(a, b, url);
    await proxy.close();
    await until('the loss', () => a.network.connectedPeers.length === 0);
    assert.equal(await knock(url, WITHIN_MS), 'refused');
    b.network.send(1n, Buffer.from('here'), 'urgent');
    await until('a frame', () => a.frames.length === 1);
    assert.deepEqual(gone, []);
    b.network.close();
    await until('the news', () => gone.length > 0);
  });

  it('is not told of connections that break while somebody listens', async () => {
    const { a, b, proxy, gone } = await pair();
    open.push(() => proxy.close());
    a.network.setPeers([{ id: b.id, urls: [proxy.url] }]);
    await until('all streams', () => a.network.connectedPeers.length === 1);
    const { taken } = proxy;
    proxy.cut();
    const isBack = (): boolean => a.network.connectedPeers.length === 1;
    await until('new streams', () => proxy.taken >= taken + 3 && isBack());
    assert.deepEqual(gone, []);
  });

  it('is not told of a peer that was left, or that the member leaves itself', async () => {
    const { a, b, proxy, gone } = await pair();
    await proxy.close();
    await linked(a, b);
    a.network.setPeers([]);
    await b.stop();
    await until('the loss', () => b.network.connectedPeers.length === 0);
    const c = await startTestPeer(3n);
    await linked(a, c);
    a.network.close();
    await c.stop();
    assert.equal(await knock(c.url, WITHIN_MS), 'refused');
    assert.deepEqual(gone, []);
  });
});

/** Whoever connects anywhere. */
function watchSockets(made: (socket: Socket) => void): () => void {
  const watch = (message: unknown): void => made((message as { readonly socket: Socket }).socket);
  subscribe('net.client.socket', watch);
  return () => void unsubscribe('net.client.socket', watch);
}

describe('a departure', () => {
  const servers: Server[] = [];

  async function listen(taken: () => void = () => {}): Promise<string> {
    const server = createServer((socket) => {
      taken();
      socket.on('error', () => {});
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** An address where nobody listens. */
  async function left(): Promise<string> {
    const url = await listen();
    const server = servers.pop();
    server?.close();
    if (server !== undefined) await once(server, 'close');
    return url;
  }

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it('knocks, and knows the answers apart', async () => {
    assert.equal(await knock(await listen(), WITHIN_MS), 'open');
    assert.equal(await knock(await left(), WITHIN_MS), 'refused');
    assert.equal(await knock(NOWHERE, WITHIN_MS), 'silent');
  });

  it('knocks at the port that is written, even the one that http means anyway', async () => {
    const ports: number[] = [];
    const forget = watchSockets((socket) => {
      socket.on('connectionAttempt', (_ip: string, port: number) => void ports.push(port));
    });
    try {
      await knock('http://127.0.0.1:80', WITHIN_MS);
    } finally {
      forget();
    }
    assert.deepEqual(ports, [80]);
  });

  it('says nothing of what is no address', async () => {
    assert.equal(await knock('elsewhere', WITHIN_MS), 'silent');
    assert.equal(await knock('http://127.0.0.1:65536', WITHIN_MS), 'silent');
  });

  it('is looked for a few times where somebody listens, and then no more', async () => {
    let knocks = 0;
    let told = 0;
    const url = await listen(() => {
      knocks++;
    });
    const urls = [await left(), url];
    const gone = (): void => void told++;
    const departure = new Departure({ urls, dialMs: WITHIN_MS, isLinked: () => false, gone });
    departure.streamEnded();
    departure.reached();
    departure.streamEnded();
    departure.streamEnded();
    await until('all knocks', () => knocks === LIMITS.peerKnocks);
    servers.splice(0).forEach((server) => server.close());
    departure.streamEnded();
    departure.reached();
    departure.streamEnded();
    await until('the news', () => told === 1);
    assert.equal(
      knocks,
      LIMITS.peerKnocks,
      'it had not been reached, and then was looked for once',
    );
    departure.close();
  });

  it('leaves nothing behind that keeps the process when it is closed', async () => {
    const url = await listen();
    const sockets: Socket[] = [];
    const forget = watchSockets((socket) => void sockets.push(socket));
    const gone = (): void => assert.fail('somebody listens');
    const departure = new Departure({
      urls: [url],
      dialMs: WITHIN_MS,
      isLinked: () => false,
      gone,
    });
    departure.reached();
    departure.streamEnded();
    forget();
    departure.close();
    await Promise.resolve();
    assert.deepEqual(
      sockets.map(({ destroyed }) => destroyed),
      [true],
    );
  });

  it('is noticed when the last listener of several closes a little later', async () => {
    let isOver = false;
    const url = await listen(() => {
      for (const server of servers.splice(0)) server.close();
    });
    const gone = (): void => {
      isOver = true;
    };
    const departure = new Departure({
      urls: [url],
      dialMs: WITHIN_MS,
      isLinked: () => false,
      gone,
    });
    departure.reached();
    departure.streamEnded();
    await until('the news', () => isOver);
  });

  it('is no news when it is not sure, was undone meanwhile, or nobody cares any more', async () => {
    let told = 0;
    const gone = (): void => void told++;
    const free = await left();
    const silent = new Departure({
      urls: [free, NOWHERE],
      dialMs: WITHIN_MS,
      isLinked: () => false,
      gone,
    });
    let looks = 0;
    const back = new Departure({
      urls: [free],
      dialMs: WITHIN_MS,
      isLinked: () => ++looks > 1,
      gone,
    });
    const closed = new Departure({
      urls: [free],
      dialMs: WITHIN_MS,
      isLinked: () => false,
      gone,
    });
    for (const departure of [silent, back, closed]) {
      departure.reached();
      departure.streamEnded();
    }
    closed.close();
    await until('the second look', () => looks === 2);
    assert.equal(await knock(free, WITHIN_MS), 'refused');
    assert.equal(told, 0);
  });
});
