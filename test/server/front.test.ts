// Proves how what stands between clients and the kernel ends: whatever call was taken is answered,
// if need be with the news that the member has stopped; who comes late is told that nobody looked
// at its calls; and a client that does not go keeps nobody for long.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { LIMITS } from '../../src/store/index.js';
import { parseServerConfig } from '../../src/server/config.js';
import { Front } from '../../src/server/front.js';
import { MetricsPage } from '../../src/server/metrics/page.js';
import { KV_METHODS as KV } from '../../src/wire/kv-methods.js';
import { BytesClient, type Failure } from './support/bytes-client.js';
import { FakeKernel } from './support/fake-kernel.js';
import { EMPTY_SETTINGS, PREFACE } from './support/raw-http2.js';
import { until } from './support/until.js';

const PUT = KV.put.requestSerialize({ key: 'a', value: 'b' });
/** More than any test takes. */
const LONG_MS = 60_000;

describe('a front that stops', () => {
  let kernel: FakeKernel;
  let front: Front;
  let server: Server;
  let client: BytesClient;
  /** Calls that the kernel works on, each by how it ends. */
  let working: (() => void)[];

  beforeEach(async () => {
    kernel = new FakeKernel();
    working = [];
    const { store } = kernel;
    const put = store.put.bind(store);
    store.put = async (request) => {
      await new Promise<void>((resolve) => working.push(resolve));
      return await put(request);
    };
    front = new Front({
      config: parseServerConfig({ 'data-dir': 'none' }, {}),
      kernel,
      page: new MetricsPage(),
      trace: { event: () => undefined },
      peers: { connectedSince: () => true, connectedToQuorumSince: () => true },
    });
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      front.inject(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = new BytesClient(`127.0.0.1:${port()}`);
  });

  afterEach(async () => {
    for (const finish of working) finish();
    client.close();
    server.close();
    await kernel.close();
  });

  function port(): number {
    return (server.address() as AddressInfo).port;
  }

  async function underWay(count: number): Promise<void> {
    await until('calls under way', () => working.length === count);
  }

  it('waits for the calls that it took', async () => {
    const puts = [1, 2, 3].map(() => client.call(KV.put.path, PUT));
    await underWay(3);
    let stopped = false;
    const stop = front.stop(LONG_MS).then(() => {
      stopped = true;
    });
    await new Promise((resolve) => setTimeout(resolve, LIMITS.stopQuietMs + 200));
    assert.ok(!stopped);
    for (const finish of working) finish();
    await Promise.all(puts);
    await stop;
  });

  it('answers or refuses every call of clients that go on calling', async () => {
    kernel.store.put = () => Promise.reject(new Error('no put was asked for'));
    const range = KV.range.requestSerialize({ key: 'a' });
    const failures: Failure[] = [];
    let answered = 0;
    const clients = [1, 2, 3].map(() => new BytesClient(`127.0.0.1:${port()}`));
    const users = [...clients, ...clients, ...clients].map(async (each) => {
      for (;;) {
        try {
          await each.call(KV.range.path, range);
          answered += 1;
        } catch (error) {
          failures.push(error as Failure);
          return;
        }
      }
    });
    await until('many answers', () => answered > 100);
    await front.stop(LONG_MS);
    await Promise.all(users);
    for (const one of clients) one.close();
    assert.equal(failures.length, users.length);
    for (const { code, details } of failures) {
      assert.equal(code, 14);
      // Of both a client knows that nothing came of the call.
      assert.match(details, /^Stream refused by server|^No connection established/);
    }
  });

  it('tells the calls that take too long that it has stopped', async () => {
    const failures = [1, 2, 3].map(() => client.failure(KV.put.path, PUT));
    await underWay(3);
    await front.stop(50);
    const stopped = { code: 14, details: 'etcdserver: server stopped' };
    assert.deepEqual(await Promise.all(failures), [stopped, stopped, stopped]);
  });

  it('tells who comes late that nobody looks at its calls', async () => {
    const early = client.call(KV.put.path, PUT);
    await underWay(1);
    const stop = front.stop(LONG_MS);
    const late = connectHttp2(`http://127.0.0.1:${port()}`);
    late.on('error', () => undefined);
    const call = late.request({ ':method': 'POST', ':path': KV.put.path });
    const ended = new Promise<number>((resolve) => {
      call.on('error', () => undefined);
      call.on('close', () => resolve(call.rstCode));
    });
    call.end(PUT);
    assert.equal(await ended, constants.NGHTTP2_REFUSED_STREAM);
    late.destroy();
    assert.equal(working.length, 1);
    for (const finish of working) finish();
    await early;
    await stop;
  });

  it('does not wait for long for a client that stays and asks nothing', async () => {
    const idle = connect({ port: port(), host: '127.0.0.1', allowHalfOpen: true });
    idle.write(Buffer.concat([PREFACE, EMPTY_SETTINGS]));
    await once(idle, 'data');
    const startMs = performance.now();
    await front.stop(LONG_MS);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 5 * LIMITS.stopQuietMs, `${tookMs} ms`);
    assert.ok(tookMs >= LIMITS.stopQuietMs, `${tookMs} ms: it went by itself`);
    idle.destroy();
  });
});
