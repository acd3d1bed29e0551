// Proves that the peer port takes no stream that is meant for somebody else, says why, answers a
// caller that it could not reach otherwise, and is not hurt by what is no member at all.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { LIMITS } from '../../../src/store/index.js';
import { PEER_METHODS } from '../../../src/wire/peer.js';
import { askMembers } from '../../../src/server/peer/ask-members.js';
import { writeHello } from '../../../src/server/peer/hello.js';
import { BytesClient } from '../support/bytes-client.js';
import { startTestPeer, stopTestPeers, type TestPeer } from '../support/test-peer.js';
import { until } from '../support/until.js';

const EXCHANGE = PEER_METHODS.exchange.path;

function headersOf(clusterId: bigint, from: bigint, to: bigint): Record<string, string> {
  const hello = writeHello({ clusterId, from, to, lane: 'urgent' });
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(hello.getMap())) headers[key] = String(value);
  return headers;
}

describe('PeerEndpoint', () => {
  const clients: BytesClient[] = [];

  function clientOf(peer: TestPeer): BytesClient {
    const client = new BytesClient(`127.0.0.1:${peer.port}`);
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await stopTestPeers();
  });

  it('refuses a stream that is meant for another, with the reason', async () => {
    const peer = await startTestPeer(2n);
    const client = clientOf(peer);
    const right = headersOf(9n, 1n, 2n);
    const without = (key: string): Record<string, string> => {
      const { [key]: _left, ...rest } = right;
      return rest;
    };
    const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
      [headersOf(0xabn, 1n, 2n), /^cluster ab was meant, this is a member of cluster 9$/],
      [headersOf(9n, 1n, 3n), /^member 3 was meant, this is member 2$/],
      [headersOf(9n, 2n, 2n), /says that it is this member, 2$/],
      [{ ...right, 'tidelock-transport-version': '7' }, /^transport version 7 is not spoken here/],
      [{}, /^transport version \(none\) is not spoken/],
      [without('tidelock-lane'), /does not say who it is/],
      [{ ...right, 'tidelock-from': 'xyz' }, /does not say who it is/],
      [{ ...right, 'tidelock-from': '1'.repeat(17) }, /does not say who it is/],
      [{ ...right, 'tidelock-lane': 'express' }, /does not say who it is/],
    ];
    for (const [headers, pattern] of cases) {
      const stream = client.stream(EXCHANGE, headers);
      stream.send(PEER_METHODS.exchange.requestSerialize([Buffer.from('never')]));
      const { code, details } = await stream.ended;
      assert.equal(code, 9, details);
      assert.match(details, pattern);
    }
    assert.deepEqual(peer.frames, []);
  });

  it('is told once why a peer refuses it, and goes on trying', async () => {
    const a = await startTestPeer(1n);
    const other = await startTestPeer(2n, { clusterId: 10n });
    a.network.setPeers([{ id: 2n, urls: [other.url] }]);
    const remarks = (): string[] => a.events.filter((event) => event.includes('peerRefuses'));
    await until('the remark', () => remarks().length > 0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.deepEqual(remarks(), [
      'warn peerRefusesThisMember cluster 9 was meant, this is a member of cluster a',
    ]);
    await other.stop();
    const right = await startTestPeer(2n, { port: other.port });
    await until('connection', () => a.network.connectedPeers.length === 1);
    await right.stop();
  });

  it('takes nothing before somebody takes the frames', async () => {
    const a = await startTestPeer(1n);
    const b = await startTestPeer(2n, { takes: false });
    a.network.setPeers([{ id: 2n, urls: [b.url] }]);
    const stream = clientOf(b).stream(EXCHANGE, headersOf(9n, 1n, 2n));
    assert.match((await stream.ended).details, /starting or stopping/);
    assert.deepEqual(a.network.connectedPeers, []);
    b.network.onFrame((frame) => b.frames.push(frame));
    await until('connection', () => a.network.connectedPeers.length === 1);
  });

  it('answers a caller that is no peer on the stream by which it calls', async () => {
    const removed = await startTestPeer(1n);
    const member = await startTestPeer(2n);
    removed.network.setPeers([{ id: 2n, urls: [member.url] }]);
    await until('connection', () => removed.network.connectedPeers.length === 1);
    member.network.send(1n, Buffer.from('you were removed'), 'urgent');
    await until('the answer', () => removed.frames.length === 1);
    assert.deepEqual(removed.texts(), ['you were removed']);
    await removed.stop();
    member.network.send(1n, Buffer.from('nobody there'), 'urgent');
  });

  it('ends a stream of what is no batch, and takes another', async () => {
    const peer = await startTestPeer(2n);
    const client = clientOf(peer);
    const broken = client.stream(EXCHANGE, headersOf(9n, 1n, 2n));
    broken.send(Buffer.from([0x0a, 0xff]));
    assert.equal((await broken.ended).code, 13);
    const whole = client.stream(EXCHANGE, headersOf(9n, 1n, 2n));
    whole.send(PEER_METHODS.exchange.requestSerialize([Buffer.from('a'), Buffer.from('b')]));
    await until('two frames', () => peer.frames.length === 2);
    whole.halfClose();
    assert.equal((await whole.ended).code, 0);
  });

  it('tells who is in the cluster, once there is a member to ask', async () => {
    const peer = await startTestPeer(2n);
    assert.deepEqual(await askMembers([peer.url], 1000), []);
    const members = [
      { id: 2n, name: 'b', peerUrls: [peer.url], clientUrls: ['http://x:1'], isLearner: false },
      { id: 2n ** 64n - 1n, name: '', peerUrls: ['http://y:1'], clientUrls: [], isLearner: true },
    ];
    peer.endpoint.open(() => Promise.resolve(members));
    const reports = await askMembers(['http://127.0.0.1:1', peer.url], 1000);
    assert.deepEqual(reports, [{ clusterId: 9n, memberId: 2n, members }]);
    peer.endpoint.open(() => Promise.reject(new Error('stopped')));
    assert.deepEqual(await askMembers([peer.url], 1000), []);
  });

  it('tells a browser that it is at the wrong door', async () => {
    const peer = await startTestPeer(2n);
    const response = await fetch(`${peer.url}/members`);
    assert.equal(response.status, 404);
    assert.match(await response.text(), /for the members of the cluster/);
  });

  it('closes connections beyond its bound', async () => {
    const peer = await startTestPeer(2n);
    const sockets = Array.from({ length: LIMITS.peerConnections + 1 }, () => {
      const socket = connect(peer.port, '127.0.0.1');
      socket.on('error', () => {});
      return socket;
    });
    await Promise.race(sockets.map((socket) => once(socket, 'close')));
    assert.equal(peer.endpoint.refusedConnections, 1);
    for (const socket of sockets) socket.destroy();
    await until('room', async () => {
      return (await fetch(peer.url).catch(() => undefined))?.status === 404;
    });
  });
});
