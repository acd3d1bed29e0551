// Proves the order in which a member ends: it says that it is about to stop, hands leadership over,
// and only then ends streams and calls; and that a hand-over that fails or hangs keeps nobody.
import assert from 'node:assert/strict';
import { StoreError } from '../../src/store/index.js';
import { HEALTH_METHODS } from '../../src/wire/health.js';
import { KV_METHODS } from '../../src/wire/kv-methods.js';
import { BytesClient } from './support/bytes-client.js';
import { FakeKernel } from './support/fake-kernel.js';
import { startFakeServer, stopTestServers } from './support/test-server.js';
import { until } from './support/until.js';

const { requestSerialize, responseDeserialize } = HEALTH_METHODS.watch;

describe('a server that stops', () => {
  afterEach(stopTestServers);

  it('says so before it hands leadership over, and serves meanwhile', async () => {
    const kernel = new FakeKernel();
    let handOver: () => void = () => {};
    kernel.stepAside = () =>
      new Promise((resolve) => {
        handOver = resolve;
      });
    const server = await startFakeServer(kernel);
    const client = new BytesClient(server.address);
    const watch = client.stream(HEALTH_METHODS.watch.path);
    watch.send(requestSerialize({ service: '' }));
    watch.halfClose();
    assert.equal(responseDeserialize(await watch.next()).status, 1);
    const stopped = server.stop();
    assert.equal(responseDeserialize(await watch.next()).status, 2, 'not serving');
    const health = await fetch(`${server.url}/health`);
    assert.equal(health.status, 503);
    assert.match(await health.text(), /"reason":"STOPPING"/);
    const ready = await fetch(`${server.url}/readyz`);
    assert.match(await ready.text(), /linearizable_read failed: the member is stopping/);
    assert.equal((await fetch(`${server.url}/livez`)).status, 200, 'it lives');
    await kernel.store.put({ key: 'a', value: 'b' });
    assert.ok(!kernel.closed);
    handOver();
    await stopped;
    assert.ok(kernel.closed);
    client.close();
  });

  it('stops when leadership cannot be handed over', async () => {
    const kernel = new FakeKernel();
    let asked = 0;
    kernel.stepAside = () => {
      asked += 1;
      return Promise.reject(new StoreError('Timeout'));
    };
    const server = await startFakeServer(kernel);
    await server.stop();
    assert.equal(asked, 1);
    assert.ok(kernel.closed);
  });

  it('takes it that a member which stopped itself tells nothing, and ends', async () => {
    const kernel = new FakeKernel();
    const server = await startFakeServer(kernel);
    assert.equal((await fetch(`${server.url}/health`)).status, 200);
    kernel.status = () => {
      throw new StoreError('Stopped');
    };
    // Its streams say so for the last time, and whoever listens must bear it.
    await kernel.store.close();
    assert.equal((await fetch(`${server.url}/health`)).status, 503);
    await server.stop();
    assert.ok(kernel.closed);
  });

  it('hands nothing over when it does not lead', async () => {
    const kernel = new FakeKernel();
    kernel.leader = 0n;
    kernel.stepAside = () => Promise.reject(new Error('not to be asked'));
    const server = await startFakeServer(kernel);
    await server.stop();
    assert.ok(kernel.closed);
  });

  const QUICK = { 'heartbeat-interval': '20', 'election-timeout': '200' };
  const PUT = KV_METHODS.put.requestSerialize({ key: 'a', value: 'b' });

  /** A kernel whose writes wait for `answer`, or for its end. */
  function slowKernel(answer: Promise<void>): FakeKernel & { puts: number } {
    const kernel = Object.assign(new FakeKernel(), { puts: 0 });
    const { store } = kernel;
    const put = store.put.bind(store);
    let end: () => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      end = () => reject(new StoreError('Stopped'));
    });
    ended.catch(() => undefined);
    store.put = async (request) => {
      kernel.puts++;
      await Promise.race([answer, ended]);
      return await put(request);
    };
    const close = kernel.close.bind(kernel);
    kernel.close = () => {
      end();
      return close();
    };
    return kernel;
  }

  it('does not wait for what needs a leader, where nobody has led for a while', async () => {
    const kernel = slowKernel(new Promise(() => {}));
    kernel.leader = 0n;
    const server = await startFakeServer(kernel, QUICK);
    const client = new BytesClient(server.address);
    const put = client.failure(KV_METHODS.put.path, PUT);
    await until('the call under way', () => kernel.puts > 0);
    const startMs = performance.now();
    await server.stop();
    const tookMs = performance.now() - startMs;
    // The call alone could take 5.4 s.
    assert.ok(tookMs < 3500, `${tookMs} ms`);
    assert.deepEqual(await put, { code: 14, details: 'etcdserver: server stopped' });
    client.close();
  });

  it('lets a call take its time where somebody leads', async () => {
    const kernel = slowKernel(new Promise((resolve) => setTimeout(resolve, 1500)));
    const server = await startFakeServer(kernel, QUICK);
    const client = new BytesClient(server.address);
    const put = client.call(KV_METHODS.put.path, PUT);
    await until('the call under way', () => kernel.puts > 0);
    await server.stop();
    assert.equal(KV_METHODS.put.responseDeserialize(await put).header.revision, 2);
    client.close();
  });
});
