// Proves that what a client promises of its calls holds when they go through a pipe: nothing that
// writes is repeated where it may have arrived, what did not arrive is tried elsewhere, closing and
// signals reach every call, a silent member is left, and a program ends when it has nothing to do.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type ConnectOptions } from '../../src/client/index.js';
import { LIMITS, type Store } from '../../src/store/index.js';
import { pipeNumberOf } from '../../src/wire/pipe-method.js';
import { SERVICES } from '../../src/wire/services.js';
import { type FakePipe, FakeServer, pipesOf, servePipes } from './fake-server.js';
import { FirstRandom, QuickClock } from './quick-clock.js';

const { put, range, txn, deleteRange } = SERVICES['etcdserverpb.KV'];
const { leaseTimeToLive } = SERVICES['etcdserverpb.Lease'];
const { status } = SERVICES['etcdserverpb.Maintenance'];
const header = { clusterId: 1n, memberId: 2n, revision: 10, raftTerm: 3 };
const DONE = put.responseSerialize({ header });
const FOUND = range.responseSerialize({ header, kvs: [], more: false, count: 4 });
const OK = { code: 0, details: '' };

describe('calls through a pipe', () => {
  let first: FakeServer;
  let second: FakeServer;
  let store: Store;
  let pipe: FakePipe;

  async function open(options: ConnectOptions = {}): Promise<Store> {
    const own = { clock: new QuickClock(), random: new FirstRandom(), retryMs: 8000 };
    return connect([first.endpoint, second.endpoint], { ...own, ...options });
  }

  /** Makes reads until one goes through the pipe, and answers that. */
  async function openPipe(callsMax?: number): Promise<FakePipe> {
    first.onUnary(range.path, () => FOUND);
    const next = pipesOf(first);
    await store.range({ key: 'a' });
    await store.range({ key: 'a' });
    const opened = await next();
    opened.open(callsMax);
    let isUsed = false;
    const used = opened.call().then(({ id }) => {
      isUsed = true;
      opened.answer({ id, response: FOUND, ...OK });
    });
    while (!isUsed) await store.range({ key: 'a' });
    await used;
    first.calls.length = 0;
    return opened;
  }

  beforeEach(async () => {
    first = await FakeServer.start();
    second = await FakeServer.start();
    for (const server of [first, second]) server.onUnary(put.path, () => DONE);
    store = await open();
    pipe = await openPipe();
  });

  afterEach(async () => {
    await store.close();
    first.stop();
    second.stop();
  });

  it('a write that was sent when the pipe broke is not sent again', async () => {
    for (const end of [
      () => pipe.break(),
      () => pipe.end(),
      () => pipe.sayBytes(0x0f),
      () => first.stop(),
    ]) {
      const written = store.put({ key: 'a' });
      const outcome = assert.rejects(written, { code: 'Unavailable' }, String(end));
      await pipe.call();
      end();
      await outcome;
      assert.deepEqual([first.calls, second.calls], [[], []]);
      await store.close();
      if (String(end).includes('stop')) return;
      store = await open();
      pipe = await openPipe();
    }
  });

  it('a write of which the server does not know what became is not sent again', async () => {
    for (const details of ['etcdserver: request timed out', 'etcdserver: server stopped']) {
      const written = store.put({ key: 'a' });
      const { id } = await pipe.call();
      pipe.answer({ id, response: new Uint8Array(0), code: 14, details });
      await assert.rejects(written);
      assert.deepEqual([first.calls, second.calls, pipe.waiting], [[], [], 0]);
      await store.close();
      store = await open();
      pipe = await openPipe();
    }
  });

  it('a write that the server did not take before it stopped goes elsewhere, once', async () => {
    const taken = store.put({ key: 'a' });
    const late = store.put({ key: 'b' });
    const { id } = await pipe.call();
    await pipe.call();
    pipe.close(id);
    await late;
    assert.deepEqual([first.calls, second.calls], [[], [put.path]]);
    pipe.answer({ id, response: DONE, ...OK });
    await taken;
    await store.put({ key: 'c' });
    assert.deepEqual([first.calls, second.calls], [[], [put.path, put.path]]);
  });

  it('writes that were not sent when the pipe broke go elsewhere', async () => {
    await store.close();
    store = await open();
    pipe = await openPipe(1);
    const writes = Array.from({ length: 5 }, (_, at) => store.put({ key: `k${at}` }));
    const outcome = assert.rejects(writes[0] as Promise<unknown>, { code: 'Unavailable' });
    await pipe.call();
    pipe.break();
    await outcome;
    await Promise.all(writes.slice(1));
    assert.equal(first.calls.length + second.calls.length, 4);
  });

  it('a read is asked again elsewhere, however the pipe ends', async () => {
    second.onUnary(range.path, () => FOUND);
    const read = store.range({ key: 'a' });
    await pipe.call();
    pipe.break(3, 'what is said of the pipe is not said of its calls');
    assert.equal((await read).count, 4);
    assert.deepEqual([first.calls, second.calls], [[], [range.path]]);
  });

  it('an abort and a close reach calls whose answer does not come, sent or not', async () => {
    await store.close();
    store = await open();
    pipe = await openPipe(2);
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [
      store.put({ key: 'a' }, { signal }),
      store.range({ key: 'b' }),
      store.put({ key: 'c' }, { signal }),
      store.range({ key: 'd' }),
    ];
    const codes = calls.map((call) =>
      call.then(
        () => '',
        ({ code }: { code: string }) => code,
      ),
    );
    await pipe.call();
    await pipe.call();
    controller.abort();
    assert.deepEqual([await codes[0], await codes[2]], ['Canceled', 'Canceled']);
    await store.close();
    assert.deepEqual([await codes[1], await codes[3]], ['Stopped', 'Stopped']);
    await assert.rejects(store.put({ key: 'e' }), { code: 'Stopped' });
    await pipe.canceled;
    assert.deepEqual([first.calls, second.calls, pipe.waiting], [[], [], 0]);
  });

  it('reads leave a member that keeps silent, writes do not', async () => {
    second.onUnary(range.path, () => FOUND);
    first.onUnary(status.path, () => new Promise<Buffer>(() => undefined));
    const written = store.put({ key: 'a' });
    const read = store.range({ key: 'a' });
    const { id } = await pipe.call();
    assert.equal((await read).count, 4);
    assert.deepEqual(second.calls, [range.path]);
    pipe.answer({ id, response: DONE, ...OK });
    await written;
    assert.deepEqual([first.calls, second.calls], [[], [range.path]]);
  });

  it('go through it if they are short, and have short answers', async () => {
    const key = 'a';
    const bytes = new Uint8Array(LIMITS.pipeRequestBytes);
    const short = [
      () => store.range({ key }),
      () => store.range({ key, rangeEnd: 'b', limit: LIMITS.pipeRangePairs }),
      () => store.range({ key, rangeEnd: 'b', countOnly: true }),
      () => store.put({ key }),
      () => store.delete({ key, prevKv: true }),
      () => store.delete({ key, rangeEnd: 'b' }),
      () => store.txn({ success: [{ kind: 'range', key }] }),
      () => store.leases.timeToLive({ id: 1n }),
    ];
    for (const call of short) {
      call().catch(() => undefined);
      const { id } = await pipe.call();
      pipe.answer({ id, response: new Uint8Array(0), code: 3, details: 'no' });
    }
    const alone = [
      [range.path, () => store.range({ key, rangeEnd: 'b' })],
      [range.path, () => store.range({ key, rangeEnd: 'b', limit: LIMITS.pipeRangePairs + 1 })],
      [put.path, () => store.put({ key, value: bytes })],
      [deleteRange.path, () => store.delete({ key, rangeEnd: 'b', prevKv: true })],
      [
        txn.path,
        () =>
          store.txn({
            success: [{ kind: 'txn', failure: [{ kind: 'range', key, rangeEnd: 'b' }] }],
          }),
      ],
      [leaseTimeToLive.path, () => store.leases.timeToLive({ id: 1n, keys: true })],
    ] as const;
    for (const [path, call] of alone) {
      first.calls.length = 0;
      await call().catch(() => undefined);
      assert.deepEqual([first.calls, pipe.waiting], [[path], 0]);
    }
  });

  it('ask for a leader where the store does', async () => {
    void store.put({ key: 'a' }).catch(() => undefined);
    void store.range({ key: 'a', serializable: true }).catch(() => undefined);
    const asked = [await pipe.call(), await pipe.call()];
    assert.deepEqual(
      asked.map(({ method, needsLeader }) => [method, needsLeader]),
      [
        [pipeNumberOf(put.path), true],
        [pipeNumberOf(range.path), false],
      ],
    );
    const undemanding = await open({ requireLeader: false });
    await store.close();
    store = undemanding;
    pipe = await openPipe();
    void store.put({ key: 'a' }).catch(() => undefined);
    assert.equal((await pipe.call()).needsLeader, false);
  });

  it('do not go through one where it was not wanted', async () => {
    await store.close();
    const piped = servePipes(first);
    store = await open({ pipe: false });
    first.calls.length = 0;
    for (let at = 0; at < 10; at++) await store.put({ key: 'a' });
    assert.deepEqual([first.calls, piped], [Array.from({ length: 10 }, () => put.path), []]);
  });
});

describe('a program with a pipe', () => {
  const door = new URL('../../src/client/index.js', import.meta.url).href;
  let server: FakeServer;

  beforeEach(async () => {
    server = await FakeServer.start();
    server.onUnary(put.path, () => DONE);
  });

  afterEach(() => server.stop());

  /** Puts often and does nothing more. @returns how long that took after the last put */
  async function run(): Promise<number> {
    const code = `import { connect } from '${door}';
      const store = await connect('${server.endpoint}');
      for (let i = 0; i < 200; i++) await store.put({ key: 'a' });
      console.log('done');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const signal = AbortSignal.timeout(30_000);
    try {
      await once(child.stdout, 'data', { signal });
      const doneMs = performance.now();
      const [exitCode] = (await once(child, 'close', { signal })) as [number | null];
      assert.equal(exitCode, 0);
      return performance.now() - doneMs;
    } finally {
      child.kill('SIGKILL');
    }
  }

  it('ends soon when it has nothing to do', async () => {
    const piped = servePipes(server);
    const tookMs = await run();
    assert.ok(tookMs < LIMITS.pipeIdleMs + 2000, `${tookMs} ms`);
    assert.ok(piped.length > 100, `${piped.length} calls went through the pipe`);
  });

  it('ends where the pipe does not open', async () => {
    pipesOf(server);
    const tookMs = await run();
    assert.ok(tookMs < LIMITS.pipeOpenMs + 2000, `${tookMs} ms`);
    assert.equal(server.calls.filter((path) => path === put.path).length, 200);
  });
});
