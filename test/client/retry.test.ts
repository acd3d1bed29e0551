// Proves what is sent again and what is not: reads for a bounded time, calls that were never sent
// or were refused at the door on another endpoint, keep-alives on a new stream, and a write that
// may have arrived never, unless the client was told to.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type ConnectOptions } from '../../src/client/index.js';
import type { Store } from '../../src/store/index.js';
import { SERVICES } from '../../src/wire/services.js';
import { FakeServer, Refusal } from './fake-server.js';
import { FirstRandom, QuickClock } from './quick-clock.js';
import { Recorder } from './recorder.js';

const { put, range, txn } = SERVICES['etcdserverpb.KV'];
const { leaseKeepAlive } = SERVICES['etcdserverpb.Lease'];
const header = { clusterId: 1n, memberId: 2n, revision: 10, raftTerm: 3 };
const DONE = put.responseSerialize({ header });
const FOUND = range.responseSerialize({ header, kvs: [], more: false, count: 4 });

describe('repetition of calls', () => {
  let first: FakeServer;
  let second: FakeServer;
  let store: Store;

  function open(options: ConnectOptions = {}): Promise<Store> {
    const own = { clock: new QuickClock(), random: new FirstRandom(), retryMs: 300 };
    return connect([first.endpoint, second.endpoint], { ...own, ...options });
  }

  beforeEach(async () => {
    first = await FakeServer.start();
    second = await FakeServer.start();
    store = await open();
  });

  afterEach(async () => {
    await store.close();
    first.stop();
    second.stop();
  });

  it('a write that broke after sending is not sent again', async () => {
    second.onUnary(put.path, () => DONE);
    first.onUnary(put.path, () => {
      first.stop();
      return DONE;
    });
    await assert.rejects(store.put({ key: 'a' }), { code: 'Unavailable' });
    assert.deepEqual([first.calls, second.calls], [[put.path], []]);
    await store.put({ key: 'b' });
    assert.deepEqual(second.calls, [put.path]);
  });

  it('a write of which the server does not know what became is not sent again', async () => {
    for (const text of ['etcdserver: leader changed', 'etcdserver: request timed out', 'else']) {
      first.onUnary(put.path, () => Promise.reject(new Refusal(14, text)));
      second.onUnary(put.path, () => Promise.reject(new Refusal(14, text)));
      await assert.rejects(store.put({ key: 'a' }), { message: text });
    }
    assert.equal(first.calls.length + second.calls.length, 3);
  });

  it('a write that was refused at the door is sent again', async () => {
    const refusals = [
      new Refusal(14, 'etcdserver: no leader'),
      new Refusal(9, 'etcdserver: not leader'),
      new Refusal(9, 'etcdserver: rpc not supported for learner'),
      new Refusal(2, 'etcdserver: too many requests'),
    ];
    for (const refusal of refusals) {
      let refused = 0;
      const answer = () => {
        if (refused++ < 2) throw refusal;
        return DONE;
      };
      first.onUnary(put.path, answer);
      second.onUnary(put.path, answer);
      await store.put({ key: 'a' });
      assert.equal(refused, 3);
    }
  });

  it('a write that is refused at the door for too long rejects with the reason', async () => {
    const refuse = () => Promise.reject(new Refusal(14, 'etcdserver: no leader'));
    first.onUnary(put.path, refuse);
    second.onUnary(put.path, refuse);
    await assert.rejects(store.put({ key: 'a' }), { code: 'NoLeader' });
    assert.ok(first.calls.length > 1 && second.calls.length > 1);
  });

  it('a write with an unknown outcome is sent again where the client was told to', async () => {
    const careless = await open({ writes: 'at-least-once' });
    try {
      first.onUnary(put.path, () => {
        first.stop();
        return DONE;
      });
      second.onUnary(put.path, () => DONE);
      await careless.put({ key: 'a' });
      assert.deepEqual([first.calls, second.calls], [[put.path], [put.path]]);
      second.onUnary(put.path, () => Promise.reject(new Refusal(9, 'etcdserver: no')));
      await assert.rejects(careless.put({ key: 'a' }), { message: 'etcdserver: no' });
    } finally {
      await careless.close();
    }
  });

  it('nothing is sent again where no time is given for it', async () => {
    const impatient = await open({ retryMs: 0 });
    try {
      const refuse = () => Promise.reject(new Refusal(14, 'etcdserver: no leader'));
      first.onUnary(range.path, refuse);
      second.onUnary(range.path, refuse);
      await assert.rejects(impatient.range({ key: 'a' }), { code: 'NoLeader' });
      assert.equal(first.calls.length + second.calls.length, 1);
    } finally {
      await impatient.close();
    }
  });

  it('a write that could not be sent goes to the next endpoint', async () => {
    first.stop();
    second.onUnary(put.path, () => DONE);
    await store.put({ key: 'a' });
    assert.deepEqual(second.calls, [put.path]);
  });

  it('a read is tried again, on other endpoints too', async () => {
    let failures = 3;
    const answer = () => {
      if (failures-- > 0) throw new Refusal(14, 'etcdserver: request timed out');
      return FOUND;
    };
    first.onUnary(range.path, answer);
    second.onUnary(range.path, answer);
    assert.equal((await store.range({ key: 'a' })).count, 4);
    assert.deepEqual([first.calls.length, second.calls.length], [2, 2]);
  });

  it('a read is not tried for ever', async () => {
    const refuse = () => Promise.reject(new Refusal(14, 'etcdserver: server stopped'));
    first.onUnary(range.path, refuse);
    second.onUnary(range.path, refuse);
    await assert.rejects(store.range({ key: 'a' }), {
      code: 'Unavailable',
      message: 'etcdserver: server stopped',
    });
    assert.ok(first.calls.length > 1 && second.calls.length > 1);
  });

  it('a transaction is a write as soon as it could write', async () => {
    const refuse = () => Promise.reject(new Refusal(14, 'else'));
    first.onUnary(txn.path, refuse);
    second.onUnary(txn.path, refuse);
    await assert.rejects(store.txn({ failure: [{ kind: 'delete', key: 'a' }] }));
    assert.equal(first.calls.length + second.calls.length, 1);
    const reads = { success: [{ kind: 'range', key: 'a' }] } as const;
    await assert.rejects(store.txn(reads));
    assert.ok(first.calls.length + second.calls.length > 2);
  });

  it('an error that is an answer is not tried again', async () => {
    const text = 'etcdserver: mvcc: required revision has been compacted';
    first.onUnary(range.path, () => Promise.reject(new Refusal(11, text)));
    await assert.rejects(store.range({ key: 'a' }), { code: 'Compacted' });
    first.onUnary(range.path, () => Buffer.from([0xff]));
    await assert.rejects(store.range({ key: 'a' }), { code: 'Unknown' });
    assert.equal(first.calls.length, 2);
  });

  it('an abort and a close reach calls whose answer does not come', async () => {
    const never = () => new Promise<Buffer>(() => undefined);
    first.onUnary(put.path, never);
    const controller = new AbortController();
    const aborted = store.put({ key: 'a' }, { signal: controller.signal });
    const closed = store.put({ key: 'b' });
    const outcome = assert.rejects(closed, { code: 'Stopped' });
    while (first.calls.length < 2) await new Promise(setImmediate);
    controller.abort();
    await assert.rejects(aborted, { code: 'Canceled' });
    await store.close();
    await outcome;
  });
});

describe('keep-alives over a shared stream', () => {
  let server: FakeServer;
  let store: Store;

  beforeEach(async () => {
    server = await FakeServer.start();
    store = await connect(server.endpoint, { clock: new QuickClock(), retryMs: 200 });
  });

  afterEach(async () => {
    await store.close();
    server.stop();
  });

  function answerer(answers: (id: bigint, nth: number) => number | undefined): void {
    let count = 0;
    server.onStream(leaseKeepAlive.path, (stream) => {
      stream.on('error', () => undefined);
      stream.on('data', (bytes: Buffer) => {
        const id = leaseKeepAlive.requestDeserialize(bytes);
        const ttlSeconds = answers(id, ++count);
        if (ttlSeconds === undefined) stream.emit('error', new Refusal(2, 'not a primary lessor'));
        else stream.write(leaseKeepAlive.responseSerialize({ header, id, ttlSeconds }));
      });
    });
  }

  it('are answered by id, in order, and a TTL of zero is no lease', async () => {
    answerer((id) => (id === 3n ? 0 : Number(id) * 10));
    const results = await Promise.allSettled([1n, 3n, 2n].map((id) => store.leases.keepAlive(id)));
    const [one, three, two] = results;
    assert.ok(one?.status === 'fulfilled' && one.value.ttlSeconds === 10);
    assert.ok(two?.status === 'fulfilled' && two.value.ttlSeconds === 20);
    assert.ok(three?.status === 'rejected');
    assert.equal((three.reason as { code: string }).code, 'LeaseNotFound');
    assert.equal(server.calls.length, 1);
  });

  it('are asked again on a new stream, for a bounded time', async () => {
    answerer((id, nth) => (id === 2n || nth < 3 ? undefined : 60));
    assert.equal((await store.leases.keepAlive(1n)).ttlSeconds, 60);
    const before = server.calls.length;
    await assert.rejects(store.leases.keepAlive(2n), { message: /not a primary lessor/ });
    assert.ok(server.calls.length - before > 1);
  });

  it('do not take the answer of one that was given up', async () => {
    let release: (() => void) | undefined;
    server.onStream(leaseKeepAlive.path, (stream) => {
      stream.on('error', () => undefined);
      let ttlSeconds = 0;
      stream.on('data', (bytes: Buffer) => {
        const id = leaseKeepAlive.requestDeserialize(bytes);
        ttlSeconds += 5;
        const response = leaseKeepAlive.responseSerialize({ header, id, ttlSeconds });
        if (release === undefined) release = () => stream.write(response);
        else {
          release();
          stream.write(response);
        }
      });
    });
    const controller = new AbortController();
    const given = store.leases.keepAlive(1n, { signal: controller.signal });
    while (release === undefined) await new Promise(setImmediate);
    controller.abort();
    await assert.rejects(given, { code: 'Canceled' });
    assert.equal((await store.leases.keepAlive(1n)).ttlSeconds, 10);
  });
});

describe('a program with a client', () => {
  const door = new URL('../../src/client/index.js', import.meta.url).href;

  /** Runs a module that has `store`; resolves with its exit code and output. */
  async function run(endpoint: string, body: string): Promise<string> {
    const code = `import { connect } from '${door}';
      const store = await connect('${endpoint}', { retryMs: 300 });
      ${body}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const signal = AbortSignal.timeout(40_000);
    try {
      const [exitCode] = (await once(child, 'close', { signal })) as [number | null];
      return `${output}exit ${exitCode}`;
    } finally {
      child.kill('SIGKILL');
    }
  }

  it('ends when it has nothing to do, closed or not', async () => {
    const server = await FakeServer.start();
    server.onUnary(put.path, () => DONE);
    try {
      const put = `await store.put({ key: 'a' }); console.log('put');`;
      assert.equal(await run(server.endpoint, put), 'put\nexit 0');
      const closed = `${put}; store.role$.subscribe(); await store.close();`;
      assert.equal(await run(server.endpoint, closed), 'put\nexit 0');
    } finally {
      server.stop();
    }
  });

  it('does not end while a call or a watch waits for a server', async () => {
    const server = await FakeServer.start();
    server.onUnary(range.path, () => {
      server.stop();
      throw new Refusal(14, 'going');
    });
    const body = `
      store.watch({ key: 'w' }).subscribe({ error: (e) => console.log(e.code) });
      await store.range({ key: 'a' }).catch((e) => console.log(e.code));
      setTimeout(() => store.close(), 100).unref();`;
    assert.equal(await run(server.endpoint, body), 'Unavailable\nStopped\nexit 0');
  });
});

describe('health over a client', () => {
  it('changes with the connection', async () => {
    const server = await FakeServer.start();
    const store = await connect(server.endpoint, { clock: new QuickClock() });
    try {
      const { status } = SERVICES['etcdserverpb.Maintenance'];
      const answer = (errors: string[]) => {
        server.onUnary(status.path, () =>
          status.responseSerialize({ header: { memberId: 7n }, leader: 9n, errors }),
        );
      };
      answer(['memberID:7 alarm:NOSPACE ']);
      const health = new Recorder(store.health$);
      const role = new Recorder(store.role$);
      await health.take(1);
      assert.deepEqual(health.values, [{ healthy: false, reason: 'memberID:7 alarm:NOSPACE' }]);
      assert.deepEqual(await role.take(1), ['follower']);
      answer([]);
      server.stop();
      await health.find((value) => value.reason.includes('no endpoint answers'));
      await role.find((value) => value === 'unknown');
      await server.listen();
      await health.find((value) => value.healthy);
      health.stop();
      role.stop();
    } finally {
      await store.close();
      server.stop();
    }
  });
});
