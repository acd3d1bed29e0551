// Proves that every unary call is answered exactly once, whoever is first: the work, its failure,
// or the clock; and that a call's signal is aborted when the client goes away or the time is up.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { Metadata, type ServerUnaryCall } from '@grpc/grpc-js';
import { StoreError } from '../../../src/store/index.js';
import { MemberView } from '../../../src/server/member-view.js';
import { RpcCounters } from '../../../src/server/metrics/rpc-counters.js';
import { CallGate, type UnaryWork } from '../../../src/server/services/call-gate.js';
import { FakeKernel } from '../support/fake-kernel.js';

interface Answer {
  readonly code: number;
  readonly details: string;
}

describe('CallGate', () => {
  const kernel = new FakeKernel();
  const view = new MemberView(kernel);
  let gate: CallGate;
  let rpc: RpcCounters;

  beforeEach(() => {
    gate = new CallGate({ view, trace: { event: () => {} }, timeoutMs: 70 });
    rpc = new RpcCounters('service', 'Method', 'unary');
  });

  afterEach(() => gate.close());
  after(() => {
    view.close();
    return kernel.close();
  });

  function call(work: UnaryWork, limited: boolean) {
    const emitter = Object.assign(new EventEmitter(), {
      request: Uint8Array.of(1, 2, 3),
      metadata: new Metadata(),
      cancelled: false,
    });
    const answers: Answer[] = [];
    const handler = gate.unary({ rpc, limited, work, servedBy: 'voters' });
    const answered = new Promise<void>((resolve) => {
      const surface = emitter as unknown as ServerUnaryCall<Uint8Array, Uint8Array>;
      handler(surface, (error) => {
        answers.push({ code: error?.code ?? 0, details: error?.details ?? '' });
        resolve();
      });
    });
    return { emitter, answers, answered };
  }

  it('can answer all that wait, also those that may take as long as they need', async () => {
    const never = () => new Promise<Uint8Array>(() => {});
    const calls = [call(never, true), call(never, false)];
    assert.equal(gate.pendingCount, 2);
    assert.ok(gate.endAll(new StoreError('Stopped')));
    await Promise.all(calls.map(({ answered }) => answered));
    for (const { answers } of calls) {
      assert.deepEqual(answers, [{ code: 14, details: 'etcdserver: server stopped' }]);
    }
    assert.equal(gate.pendingCount, 0);
    assert.ok(!gate.endAll(new StoreError('Stopped')));
  });

  it('gives up when the time is over, and ignores what comes later', async () => {
    let finish: (bytes: Uint8Array) => void = () => {};
    let signal: AbortSignal | undefined;
    const started = performance.now();
    const { answers, answered } = call((_message, context) => {
      signal = context.signal;
      return new Promise((resolve) => {
        finish = resolve;
      });
    }, true);
    assert.equal(gate.pendingCount, 1);
    await answered;
    const waitedMs = performance.now() - started;
    assert.ok(waitedMs >= 65, `${waitedMs} ms`);
    finish(Uint8Array.of(1));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(answers, [{ code: 14, details: 'etcdserver: request timed out' }]);
    assert.equal(signal?.aborted, true);
    assert.equal(gate.pendingCount, 0);
    assert.equal(rpc.handled[14], 1);
  });

  it('gives a timeout its reason, whoever was first to give up', async () => {
    gate.close();
    const asked: [string, boolean][] = [];
    let calledMs = Number.POSITIVE_INFINITY;
    const timeoutError = (method: string, sinceMs: number): StoreError => {
      asked.push([method, sinceMs <= calledMs]);
      return new StoreError('NoLeader');
    };
    gate = new CallGate({ view, trace: { event: () => {} }, timeoutMs: 70, timeoutError });
    const late = call(() => new Promise(() => {}), true);
    const refused = call(() => Promise.reject(new StoreError('Timeout')), true);
    const told = call(() => Promise.reject(new StoreError('Timeout', 'a reason of its own')), true);
    calledMs = performance.now();
    await Promise.all([late.answered, refused.answered, told.answered]);
    const reason = [{ code: 14, details: 'etcdserver: no leader' }];
    assert.deepEqual([late.answers, refused.answers], [reason, reason]);
    assert.equal(told.answers[0]?.details, 'etcdserver: request timed out');
    assert.deepEqual(asked, [
      ['Method', true],
      ['Method', true],
    ]);
  });

  it('leaves patient calls their time', async () => {
    const { answers, answered } = call(async () => {
      await new Promise((resolve) => setTimeout(resolve, 120));
      return Uint8Array.of(1);
    }, false);
    await answered;
    assert.deepEqual(answers, [{ code: 0, details: '' }]);
  });

  it('aborts the signal when the client goes away', async () => {
    let signal: AbortSignal | undefined;
    const { emitter } = call((_message, context) => {
      signal = context.signal;
      return new Promise(() => {});
    }, false);
    assert.equal(signal?.aborted, false);
    emitter.emit('cancelled');
    assert.equal(signal?.aborted, true);
  });

  it('counts what came and went', async () => {
    await call(() => Uint8Array.of(1, 2), true).answered;
    await call(() => Promise.reject(new Error('no')), true).answered;
    assert.deepEqual(
      [rpc.started, rpc.messagesReceived, rpc.bytesReceived, rpc.messagesSent, rpc.bytesSent],
      [2, 2, 6, 1, 2],
    );
    assert.deepEqual([rpc.handled[0], rpc.handled[2]], [1, 1]);
  });
});
