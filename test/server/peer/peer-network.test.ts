// Proves that frames reach the peer in order and unchanged, that no lane waits for another, and
// that a connection that breaks, falls silent or leads nowhere is made anew without anybody asking.
import assert from 'node:assert/strict';
import { Metadata, Server, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js';
import { LIMITS } from '../../../src/store/index.js';
import type { Lane } from '../../../src/ports/network.js';
import { PEER_METHODS } from '../../../src/wire/peer.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { startTestPeer, stopTestPeers } from '../support/test-peer.js';
import { until } from '../support/until.js';

const LANES: readonly Lane[] = ['urgent', 'log', 'bulk'];

function text(value: string): Uint8Array {
  return Buffer.from(value);
}

describe('PeerNetwork', () => {
  const open: (() => Promise<void> | void)[] = [];

  async function proxyTo(target: () => number): Promise<TcpProxy> {
    const proxy = await TcpProxy.start(target);
    open.push(() => proxy.close());
    return proxy;
  }

  afterEach(async () => {
    await stopTestPeers();
    for (const close of open.splice(0)) await close();
  });

  it('carries frames both ways, each lane in order and on a connection of its own', async () => {
    const a = await startTestPeer(1n);
    const b = await startTestPeer(2n);
    const proxy = await proxyTo(() => b.port);
    a.network.setPeers([{ id: 2n, urls: [proxy.url] }]);
    b.network.setPeers([{ id: 1n, urls: [a.url] }]);
    for (let i = 0; i < 100; i++) {
      for (const lane of LANES) a.network.send(2n, text(`${lane} ${i}`), lane);
    }
    b.network.send(1n, text('back'), 'urgent');
    await until('all frames', () => b.frames.length === 300 && a.frames.length === 1);
    for (const lane of LANES) {
      const got = b.texts().filter((frame) => frame.startsWith(lane));
      assert.deepEqual(
        got,
        Array.from({ length: 100 }, (_, i) => `${lane} ${i}`),
      );
    }
    assert.equal(proxy.taken, 3);
    assert.deepEqual(a.texts(), ['back']);
    assert.deepEqual(a.network.connectedPeers, [2n]);
    assert.deepEqual(a.network.knownPeers, [2n]);
    const nowMs = performance.now();
    assert.equal(a.network.connectedSince(2n, nowMs), true);
    assert.equal(a.network.connectedSince(2n, nowMs - 60_000), false, 'not for that long');
    assert.equal(a.network.connectedSince(3n, nowMs), false);
    assert.equal(a.network.connectedToQuorumSince(nowMs), true);
    assert.equal(a.network.connectedToQuorumSince(nowMs - 60_000), false, 'alone of two');
    assert.equal(a.network.traffic.get(2n)?.sentFrames, 300);
    assert.equal(b.network.traffic.get(1n)?.receivedFrames, 300);
  });

  it('carries empty and large frames, and drops what is larger than a frame may be', async () => {
    const a = await startTestPeer(1n);
    const b = await startTestPeer(2n);
    a.network.setPeers([{ id: 2n, urls: [b.url] }]);
    const large = new Uint8Array(5_000_000).map((_, at) => at % 253);
    a.network.send(2n, new Uint8Array(LIMITS.peerFrameBytes + 1), 'log');
    a.network.send(2n, new Uint8Array(0), 'log');
    a.network.send(2n, large, 'log');
    await until('both', () => b.frames.length === 2);
    assert.equal(b.frames[0]?.length, 0);
    assert.ok(Buffer.from(b.frames[1] ?? []).equals(Buffer.from(large)));
    assert.equal(a.network.traffic.get(2n)?.droppedFrames, 1);
  });

  it('lets no lane wait for one that is blocked, and keeps what waits within bounds', async () => {
    const urgent: string[] = [];
    const exchange: UntypedHandleCall = (call: {
      metadata: Metadata;
      sendMetadata(metadata: Metadata): void;
      on(event: 'data', listener: (bytes: Buffer) => void): void;
    }) => {
      call.sendMetadata(new Metadata());
      // Nobody ever reads what comes on the bulk lane.
      if (call.metadata.get('tidelock-lane')[0] === 'bulk') return;
      call.on('data', (bytes) => {
        for (const frame of PEER_METHODS.exchange.requestDeserialize(bytes)) {
          urgent.push(Buffer.from(frame).toString());
        }
      });
    };
    const server = new Server();
    const same = (bytes: Buffer): Buffer => bytes;
    server.register(PEER_METHODS.exchange.path, exchange, same, same, 'bidi');
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    open.push(() => server.forceShutdown());
    const a = await startTestPeer(1n);
    a.network.setPeers([{ id: 2n, urls: [`http://127.0.0.1:${port}`] }]);
    await until('connection', () => a.network.connectedPeers.length === 1);
    const piece = new Uint8Array(1_000_000);
    for (let i = 0; i < 100; i++) {
      a.network.send(2n, piece, 'bulk');
      a.network.send(2n, text(`beat ${i}`), 'urgent');
      const sentAt = performance.now();
      await until(`beat ${i}`, () => urgent.length === i + 1);
      // One that waits for a piece waits for ever.
      assert.ok(performance.now() - sentAt < 2000, 'a heartbeat waited');
    }
    const dropped = a.network.traffic.get(2n)?.droppedFrames ?? 0;
    const passedOn = a.network.traffic.get(2n)?.sentFrames ?? 0;
    assert.ok(passedOn - 100 <= 2, `${passedOn - 100} pieces went to a peer that reads none`);
    const waitingMax = Math.floor(LIMITS.peerBulkQueueBytes / piece.length);
    assert.ok(dropped >= 100 - waitingMax - 3, `only ${dropped} of 100 pieces were dropped`);
  });

  it('connects again after a cut and after a restart, without what waited', async () => {
    const a = await startTestPeer(1n);
    const first = await startTestPeer(2n);
    let { port } = first;
    const proxy = await proxyTo(() => port);
    a.network.setPeers([{ id: 2n, urls: [proxy.url] }]);
    a.network.send(2n, text('1'), 'log');
    await until('the first', () => first.frames.length === 1);
    proxy.cut();
    await until('the cut', () => a.network.connectedPeers.length === 0);
    await until('a new connection', () => a.network.connectedPeers.length === 1);
    a.network.send(2n, text('2'), 'log');
    await until('the second', () => first.frames.length === 2);

    await first.stop();
    await until('the end', () => a.network.connectedPeers.length === 0);
    const downAt = a.network.traffic.get(2n)?.droppedFrames ?? 0;
    a.network.send(2n, text('lost'), 'log');
    await until('it is dropped', () => (a.network.traffic.get(2n)?.droppedFrames ?? 0) > downAt);
    const second = await startTestPeer(2n);
    ({ port } = second);
    await until('the restart', () => a.network.connectedPeers.length === 1);
    a.network.send(2n, text('3'), 'log');
    await until('the third', () => second.frames.length > 0);
    assert.deepEqual(second.texts(), ['3']);
  });

  it('notices a peer that fell silent without closing', async () => {
    const a = await startTestPeer(1n);
    const b = await startTestPeer(2n);
    const proxy = await proxyTo(() => b.port);
    a.network.setPeers([{ id: 2n, urls: [proxy.url] }]);
    await until('connection', () => a.network.connectedPeers.length === 1);
    proxy.silence();
    await until('new connections', () => proxy.taken >= 6);
    a.network.send(2n, text('alive'), 'urgent');
    await until('the frame', () => b.frames.length === 1);
  });

  it('tries the addresses of a peer in turn, and takes new ones', async () => {
    const a = await startTestPeer(1n);
    const b = await startTestPeer(2n);
    const gone = await startTestPeer(3n);
    await gone.stop();
    a.network.setPeers([{ id: 2n, urls: [gone.url, b.url] }]);
    await until('connection', () => a.network.connectedPeers.length === 1);
    const reason = `connect ECONNREFUSED 127.0.0.1:${gone.port}`;
    assert.ok(a.events.includes(`warn peerUnreachable ${reason}`), a.events.join('\n'));
    a.network.setPeers([{ id: 2n, urls: [gone.url] }]);
    assert.deepEqual(a.network.connectedPeers, []);
    a.network.setPeers([{ id: 2n, urls: [b.url] }]);
    await until('connection', () => a.network.connectedPeers.length === 1);
    a.network.setPeers([]);
    assert.deepEqual(a.network.connectedPeers, []);
    a.network.send(2n, text('nobody'), 'urgent');
  });

  it('reaches the members it was told of until it is told who its peers are', async () => {
    const a = await startTestPeer(1n);
    const b = await startTestPeer(2n);
    a.network.begin({ clusterId: 9n, memberId: 1n }, [{ id: 2n, urls: [b.url] }]);
    a.network.setPeers([]);
    a.network.send(2n, text('hello'), 'urgent');
    await until('the frame', () => b.frames.length === 1);
    a.network.setPeers([{ id: 3n, urls: [b.url] }]);
    a.network.send(2n, text('gone'), 'urgent');
    await until('the link is left', () => !a.network.connectedPeers.includes(2n));
  });

  it('survives a taker that throws', async () => {
    const a = await startTestPeer(1n);
    const b = await startTestPeer(2n, { takes: false });
    let taken = 0;
    b.network.onFrame(() => {
      taken += 1;
      throw new Error('planted');
    });
    a.network.setPeers([{ id: 2n, urls: [b.url] }]);
    for (let i = 0; i < 3; i++) a.network.send(2n, text('x'), 'urgent');
    await until('all', () => taken === 3);
    assert.match(b.events.join('\n'), /error peerFrameFailed .*planted/);
  });
});
