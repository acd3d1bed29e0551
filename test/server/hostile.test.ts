// Proves that nothing a client can send over HTTP/2 ends the member or keeps it from serving
// others: broken frames, broken gRPC messages, wrong content, abandoned calls, unknown services.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { encodePutRequest } from '../../src/wire/kv.js';
import { BytesClient } from './support/bytes-client.js';
import { FakeKernel } from './support/fake-kernel.js';
import { startFakeServer, stopTestServers, type TestServer } from './support/test-server.js';
import { until } from './support/until.js';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

describe('a hostile client', () => {
  let server: TestServer;
  let session: ClientHttp2Session;

  beforeEach(async () => {
    server = await startFakeServer(new FakeKernel());
    session = connectHttp2(server.url);
    session.on('error', () => {});
  });

  afterEach(async () => {
    const client = new BytesClient(server.address);
    await client.call('/etcdserverpb.KV/Put', encodePutRequest({ key: 'a' }));
    client.close();
    assert.deepEqual(server.errors, []);
    session.destroy();
    await stopTestServers();
  });

  /** Posts raw bytes as the body of a call and gives back its status. */
  async function post(path: string, body: Uint8Array, headers = {}): Promise<string> {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    let status = '';
    const note = (seen: NodeJS.Dict<string | string[] | number>): void => {
      status = `${String(seen['grpc-status'] ?? seen[':status'] ?? status)}`;
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', () => {});
    stream.resume();
    stream.end(body);
    await once(stream, 'close');
    return status;
  }

  async function raw(...parts: readonly Uint8Array[]): Promise<void> {
    const [host = '', port = ''] = server.address.split(':');
    const socket = connect(Number(port), host);
    socket.on('error', () => {});
    socket.resume();
    for (const part of parts) socket.write(part);
    const closed = once(socket, 'close');
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200))]);
    socket.destroy();
  }

  it('sends frames that are none', async () => {
    const noise = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 89 + 7) & 255));
    await raw(PREFACE, noise);
    await raw(PREFACE, SETTINGS, noise);
    // A frame that claims 16 MB, headers that are no HPACK, data for a stream that never was.
    await raw(PREFACE, SETTINGS, Buffer.from([255, 255, 255, 0, 0, 0, 0, 0, 1]));
    await raw(PREFACE, SETTINGS, Buffer.from([0, 0, 4, 1, 5, 0, 0, 0, 1, 255, 255, 255, 255]));
    await raw(PREFACE, SETTINGS, Buffer.from([0, 0, 1, 0, 1, 0, 0, 0, 9, 0]));
  });

  it('sends gRPC messages that are none', async () => {
    const path = '/etcdserverpb.KV/Put';
    assert.notEqual(await post(path, Buffer.from([0, 0, 0, 0, 9, 1])), '0', 'cut short');
    assert.equal(await post(path, Buffer.from([0, 127, 255, 255, 255, 1])), '8', 'claims 2 GB');
    assert.notEqual(
      await post(path, Buffer.from([1, 0, 0, 0, 1, 1])),
      '0',
      'says it is compressed',
    );
    assert.notEqual(await post(path, new Uint8Array(0)), '0', 'nothing at all');
    assert.equal(await post(path, Buffer.from([0, 0, 0, 0, 2, 10, 99])), '13', 'no protobuf');
  });

  it('speaks of things that are not there', async () => {
    const empty = Buffer.from([0, 0, 0, 0, 0]);
    assert.equal(await post('/no.such.Service/Call', empty), '12');
    assert.equal(await post('/', empty), '12');
    const type = { 'content-type': 'text/plain' };
    assert.equal(await post('/etcdserverpb.KV/Put', empty, type), '415');
    const method = { ':method': 'PUT' };
    assert.notEqual(await post('/etcdserverpb.KV/Put', empty, method), '');
    const metadata = { 'client-api-version': '\u00ff\u00fe', hasleader: 'perhaps' };
    assert.equal(await post('/etcdserverpb.KV/Put', empty, metadata), '3', 'an empty key');
  });

  it('opens many calls and abandons them', async () => {
    for (let i = 0; i < 300; i++) {
      const stream = session.request({
        ':method': 'POST',
        ':path': i % 2 === 0 ? '/etcdserverpb.Watch/Watch' : '/etcdserverpb.KV/Range',
        'content-type': 'application/grpc',
      });
      stream.on('error', () => {});
      stream.write(Buffer.from([0, 0, 0, 0, 4, 10, 2, 10, 0]));
      if (i % 3 === 0) stream.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    session.destroy();
    await once(session, 'close');
    await until('their watchers are gone', () => server.kernel.status().watcherCount === 0);
  });
});
