// Proves the Pipe service over real gRPC: that a call in a pipe is served, judged, refused, counted
// and answered as the same bytes are in a call of their own; what becomes of hostile bytes, of a
// client that does not read, of one that vanishes, and of calls under way when the server stops.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { LIMITS, StoreError } from '../../../src/store/index.js';
import { KV_METHODS } from '../../../src/wire/kv-methods.js';
import { encodeDeleteRequest, encodePutRequest } from '../../../src/wire/kv.js';
import {
  encodeLeaseGrantRequest,
  encodeLeaseRevokeRequest,
  encodeLeaseTimeToLiveRequest,
} from '../../../src/wire/lease.js';
import { encodeRangeRequest } from '../../../src/wire/range.js';
import {
  type AnswerBatch,
  decodeAnswerBatch,
  encodeCallBatch,
  type PipeAnswer,
  PIPE_METHODS,
} from '../../../src/wire/pipe.js';
import { PIPE_METHOD_PATHS, pipeNumberOf } from '../../../src/wire/pipe-method.js';
import { encodeTxnRequest } from '../../../src/wire/txn.js';
import { BytesClient, type BytesStream } from '../support/bytes-client.js';
import { FakeKernel } from '../support/fake-kernel.js';
import { startFakeServer, stopTestServers, type TestServer } from '../support/test-server.js';

const CARRY = PIPE_METHODS.carry.path;
const KV = '/etcdserverpb.KV/';
const LEASE = '/etcdserverpb.Lease/Lease';
const PUT = 2;
const long = new Uint8Array(1100);

/** Requests good and bad, each with its method. */
const REQUESTS: readonly (readonly [path: string, request: Uint8Array])[] = [
  [`${KV}Put`, encodePutRequest({ key: 'a', value: 'b' })],
  [`${KV}Put`, encodePutRequest({ key: '', value: 'b' })],
  [`${KV}Put`, encodePutRequest({ key: 'a', lease: 404n })],
  [`${KV}Put`, encodePutRequest({ key: 'a', value: long })],
  [`${KV}Put`, Uint8Array.of(0x0a, 5)],
  [`${KV}Range`, encodeRangeRequest({ key: 'a' })],
  [`${KV}Range`, encodeRangeRequest({ key: 'a', serializable: true })],
  [`${KV}Range`, encodeRangeRequest({ key: 'a', revision: 1_000_000 })],
  [`${KV}DeleteRange`, encodeDeleteRequest({ key: 'none' })],
  [`${KV}Txn`, encodeTxnRequest({ success: [{ kind: 'range', key: 'a' }] })],
  [
    `${KV}Txn`,
    encodeTxnRequest({
      success: [
        { kind: 'put', key: 'a' },
        { kind: 'put', key: 'a' },
      ],
    }),
  ],
  [`${LEASE}Grant`, encodeLeaseGrantRequest({ ttlSeconds: 1, id: 3n })],
  [`${LEASE}Grant`, encodeLeaseGrantRequest({ ttlSeconds: 2 ** 40, id: 4n })],
  [`${LEASE}TimeToLive`, encodeLeaseTimeToLiveRequest({ id: 404n })],
  [`${LEASE}Revoke`, encodeLeaseRevokeRequest(404n)],
  [`${LEASE}Revoke`, encodeLeaseRevokeRequest(3n)],
];

/** What came of a call, whichever way it went. */
interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly answer: string;
}

class TestPipe {
  readonly stream: BytesStream;
  #lastId = 0;
  readonly #answers: PipeAnswer[] = [];

  constructor(client: BytesClient) {
    this.stream = client.stream(CARRY);
  }

  async batch(): Promise<AnswerBatch> {
    return decodeAnswerBatch(await this.stream.next());
  }

  send(method: number, request: Uint8Array, needsLeader = false): number {
    this.#lastId += 1;
    this.stream.send(encodeCallBatch([{ id: this.#lastId, method, request, needsLeader }]));
    return this.#lastId;
  }

  async answer(): Promise<PipeAnswer> {
    for (;;) {
      const known = this.#answers.shift();
      if (known !== undefined) return known;
      this.#answers.push(...(await this.batch()).answers);
    }
  }

  async outcome(path: string, request: Uint8Array, needsLeader: boolean): Promise<Outcome> {
    const id = this.send(pipeNumberOf(path) ?? 0, request, needsLeader);
    const { code, details, response, ...rest } = await this.answer();
    assert.deepEqual(rest, { id });
    return { code, details, answer: Buffer.from(response).toString('hex') };
  }
}

async function aloneOutcome(
  client: BytesClient,
  path: string,
  request: Uint8Array,
  needsLeader: boolean,
): Promise<Outcome> {
  try {
    const headers = needsLeader ? { hasleader: 'true' } : undefined;
    const answer = await client.call(path, request, headers);
    return { code: 0, details: '', answer: answer.toString('hex') };
  } catch (error) {
    const { code, details } = error as Outcome;
    return { code, details, answer: '' };
  }
}

/** Everything that the metrics say of calls, without the pipe itself. */
async function callMetrics(server: TestServer): Promise<readonly string[]> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => /^(grpc_server_\w+_total|etcd_network_client_grpc)/.test(line))
    .filter((line) => !line.includes('tidelock.pipe'));
}

/** Makes puts wait. @returns how to let each go, in their order; grows */
function holdPuts(kernel: FakeKernel): readonly (() => void)[] {
  const waiting: (() => void)[] = [];
  const put = kernel.store.put.bind(kernel.store);
  kernel.store.put = (request) =>
    new Promise((resolve) => {
      waiting.push(() => resolve(put(request)));
    });
  return waiting;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > untilMs) throw new Error('it does not come to that');
    await sleep(2);
  }
}

describe('the Pipe service', () => {
  let kernel: FakeKernel;
  let server: TestServer;
  let client: BytesClient;
  let pipe: TestPipe;

  /** A member as all others here, in the state that `change` gives it. */
  async function start(change: (kernel: FakeKernel) => void) {
    const fake = new FakeKernel();
    change(fake);
    const started = await startFakeServer(fake, { 'max-request-bytes': '1024' });
    return { fake, started, ours: new BytesClient(started.address) };
  }

  async function begin(change: (kernel: FakeKernel) => void = () => undefined): Promise<void> {
    ({ fake: kernel, started: server, ours: client } = await start(change));
    pipe = new TestPipe(client);
    assert.deepEqual(await pipe.batch(), { answers: [], callsMax: LIMITS.pipeCalls });
  }

  beforeEach(() => begin());

  afterEach(async () => {
    client.close();
    await stopTestServers();
  });

  const LEADERLESS = 'etcdserver: no leader';
  const states = [
    ['on a member that serves', () => undefined, ''],
    [
      'on a learner',
      (fake: FakeKernel) => {
        fake.isLearner = true;
      },
      'etcdserver: rpc not supported for learner',
    ],
    [
      'without a leader',
      (fake: FakeKernel) => {
        fake.leader = 0n;
      },
      LEADERLESS,
    ],
  ] as const;
  for (const [what, change, refusal] of states) {
    it(`serves a call as one that comes by itself: ${what}`, async () => {
      client.close();
      await begin(change);
      // Two worlds that begin alike: each sees the same calls, and neither sees them twice.
      const other = await start(change);
      try {
        const paths = new Set<string>();
        const details = new Set<string>();
        for (const needsLeader of [false, true]) {
          for (const [path, request] of REQUESTS) {
            paths.add(path);
            const piped = await pipe.outcome(path, request, needsLeader);
            const alone = await aloneOutcome(other.ours, path, request, needsLeader);
            assert.deepEqual(piped, alone, `${path} ${Buffer.from(request).toString('hex')}`);
            if (needsLeader || refusal !== LEADERLESS) details.add(piped.details);
          }
        }
        assert.ok(details.has(refusal), [...details].join());
        // Without a leader nothing else is said to who insists on one.
        assert.equal(details.size === 1, refusal === LEADERLESS);
        assert.deepEqual([...paths].sort(), PIPE_METHOD_PATHS.map(([, path]) => path).sort());
        const metrics = await callMetrics(server);
        assert.ok(metrics.some((line) => line.startsWith('etcd_network_client_grpc')));
        assert.deepEqual(metrics, await callMetrics(other.started));
      } finally {
        other.ours.close();
      }
    });
  }

  it('refuses what it does not carry, and goes on', async () => {
    pipe.send(8, Uint8Array.of(0xff));
    const { code, details } = await pipe.answer();
    assert.deepEqual([code, details], [12, 'unknown method 8 in a pipe']);
    assert.equal(
      (await pipe.outcome(`${KV}Range`, encodeRangeRequest({ key: 'a' }), true)).code,
      0,
    );
  });

  it('ends the stream on what is no message, with what it says to others', async () => {
    for (const bytes of [[0x0a, 5], [0x0f], [0x0a, 2, 0x1a, 9]]) {
      const hostile = new TestPipe(client);
      hostile.stream.send(Uint8Array.from(bytes));
      const { code, details } = await hostile.stream.ended;
      assert.equal(code, 13);
      assert.match(details, /^grpc: error unmarshalling request: malformed protobuf/);
    }
    assert.equal((await pipe.outcome(`${KV}Put`, encodePutRequest({ key: 'a' }), true)).code, 0);
    assert.deepEqual(server.errors, []);
  });

  it('ends the stream of a client that sends more than it may, or out of order', async () => {
    const call = { method: PUT, request: encodePutRequest({ key: 'k' }), needsLeader: false };
    pipe.stream.send(encodeCallBatch([{ ...call, id: 2 }]));
    pipe.stream.send(encodeCallBatch([{ ...call, id: 2 }]));
    assert.equal((await pipe.stream.ended).code, 3);
    holdPuts(kernel);
    const greedy = new TestPipe(client);
    const half = LIMITS.pipeCalls / 2;
    for (const from of [1, half + 1, 2 * half + 1]) {
      greedy.stream.send(
        encodeCallBatch(Array.from({ length: half }, (_, at) => ({ ...call, id: from + at }))),
      );
    }
    assert.equal((await greedy.stream.ended).code, 8);
  });

  it('holds a bounded amount for a client that does not read', async () => {
    const value = new Uint8Array(1000);
    await kernel.store.put({ key: 'v', value });
    const range = kernel.store.range.bind(kernel.store);
    let ranges = 0;
    kernel.store.range = (request) => {
      ranges += 1;
      return range(request);
    };
    pipe.stream.pause();
    const perMessage = 64;
    const messages = 400;
    const request = encodeRangeRequest({ key: 'v' });
    for (let at = 0; at < messages; at++) {
      pipe.stream.send(
        encodeCallBatch(
          Array.from({ length: perMessage }, (_, nth) => ({
            id: at * perMessage + nth + 1,
            method: 1,
            request,
            needsLeader: false,
          })),
        ),
      );
    }
    let before = -1;
    await until(async () => {
      const still = ranges > 0 && ranges === before;
      before = ranges;
      await sleep(100);
      return still;
    });
    // What the connection and both ends hold, and no more.
    assert.ok(ranges < (messages * perMessage) / 8, `${ranges} of ${messages * perMessage}`);
    pipe.stream.resume();
    let answered = 0;
    while (answered < messages * perMessage) answered += (await pipe.batch()).answers.length;
    assert.equal(answered, messages * perMessage);
  });

  it('keeps nothing of a client that vanishes with calls under way', async () => {
    const waiting = holdPuts(kernel);
    for (let at = 0; at < 10; at++) pipe.send(PUT, encodePutRequest({ key: `k${at}` }));
    await until(() => waiting.length === 10);
    pipe.stream.cancel();
    const carried = 'grpc_server_handled_total{grpc_type="bidi_stream",';
    await until(async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      const lines = text.split('\n').filter((line) => line.startsWith(carried));
      return lines.some((line) => line.includes('Carry') && line.endsWith('"Canceled"} 1'));
    });
    for (const go of waiting) go();
    await until(async () =>
      (await callMetrics(server)).some((line) => /handled.*"Put".*"Canceled"\} 10$/.test(line)),
    );
    // Were something left of them, the stop would wait for it.
    const beganMs = performance.now();
    await server.stop();
    assert.ok(performance.now() - beganMs < LIMITS.stopQuietMs);
    assert.deepEqual(server.errors, []);
  });

  it('says when it stops which call was the last, answers it, and ends well', async () => {
    const waiting = holdPuts(kernel);
    for (let at = 0; at < 3; at++) pipe.send(PUT, encodePutRequest({ key: `k${at}` }));
    await until(() => waiting.length === 3);
    const stopped = server.stop();
    assert.deepEqual(await pipe.batch(), { answers: [], lastCallId: 3 });
    // Not looked at, as it was said.
    pipe.send(PUT, encodePutRequest({ key: 'late' }));
    for (const go of waiting) go();
    const ids: number[] = [];
    while (ids.length < 3) ids.push((await pipe.answer()).id);
    assert.deepEqual(ids, [1, 2, 3]);
    assert.equal((await pipe.stream.ended).code, 0);
    assert.equal(pipe.stream.waiting, 0);
    await stopped;
    assert.equal(waiting.length, 3);
  });

  it('tells what a member says that has stopped itself, and ends all the same', async () => {
    const waiting = holdPuts(kernel);
    pipe.send(PUT, encodePutRequest({ key: 'k' }));
    await until(() => waiting.length === 1);
    kernel.store.put = () => Promise.reject(new StoreError('Stopped'));
    pipe.send(PUT, encodePutRequest({ key: 'l' }));
    const { code, details } = await pipe.answer();
    assert.deepEqual([code, details], [14, 'etcdserver: server stopped']);
    const stopped = server.stop();
    waiting[0]?.();
    assert.equal((await pipe.answer()).code, 0);
    await stopped;
  });

  it('knows the methods by the paths that it serves', () => {
    assert.equal(pipeNumberOf(KV_METHODS.put.path), PUT);
  });
});
