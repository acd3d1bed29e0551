// Proves that the pipe's codec writes what the generated code writes and reads what that reads,
// that an answer keeps nothing but itself alive, that hostile bytes do nothing but throw, and that
// the numbers of the methods stand for what the protocol says.
import assert from 'node:assert/strict';
import { LIMITS } from '../../src/store/index.js';
import * as pb from '../../src/wire/gen/tidelock/pipe/v1/pipe_pb.js';
import {
  decodeAnswerBatch,
  decodeCallBatch,
  encodeAnswerBatch,
  encodeCallBatch,
  PIPE_METHODS,
} from '../../src/wire/pipe.js';
import { PIPE_METHOD_PATHS, pipeNumberOf } from '../../src/wire/pipe-method.js';
import { streamKind } from '../../src/wire/method.js';
import { methodsOf, SERVICE_NAMES } from '../../src/wire/services.js';
import { WireError } from '../../src/wire/wire-error.js';
import { assertBytes, reference } from './samples.js';

const long = new Uint8Array(3000).fill(7);
const none = new Uint8Array(0);

const CALLS = [
  { id: 1, method: 2, request: Uint8Array.of(1, 2, 3), needsLeader: true },
  { id: 300, method: 7, request: none, needsLeader: false },
  { id: 2 ** 40 + 1, method: 9_999, request: long, needsLeader: true },
];
const PB_CALLS = CALLS.map(({ id, method, request, needsLeader }) => ({
  id: BigInt(id),
  method: method as 0,
  request,
  needsLeader,
}));

const ANSWERS = [
  { id: 5, response: long, code: 0, details: '' },
  { id: 2 ** 40 + 1, response: none, code: 14, details: 'etcdserver: no leader ✗' },
  { id: 6, response: none, code: 0, details: '' },
];
const PB_ANSWERS = ANSWERS.map((answer) => ({ ...answer, id: BigInt(answer.id) }));

describe('the codec of the pipe', () => {
  it('writes and reads calls', () => {
    const bytes = encodeCallBatch(CALLS);
    assertBytes(bytes, pb.CallBatchSchema, { calls: PB_CALLS });
    assert.deepEqual(decodeCallBatch(bytes), CALLS);
    assert.deepEqual(decodeCallBatch(encodeCallBatch([])), []);
  });

  it('writes and reads answers, the opening and the closing', () => {
    const bytes = encodeAnswerBatch({ answers: ANSWERS });
    assertBytes(bytes, pb.AnswerBatchSchema, { answers: PB_ANSWERS });
    assert.deepEqual(decodeAnswerBatch(bytes), { answers: ANSWERS });

    const opening = encodeAnswerBatch({ answers: [], callsMax: 8192 });
    assertBytes(opening, pb.AnswerBatchSchema, { opening: { callsMax: 8192 } });
    assert.deepEqual(decodeAnswerBatch(opening), { answers: [], callsMax: 8192 });

    // That nothing was taken is another thing than not to say what was.
    for (const lastCallId of [0, 1, 2 ** 40]) {
      const closing = encodeAnswerBatch({ answers: [], lastCallId });
      assertBytes(closing, pb.AnswerBatchSchema, { closing: { lastCallId: BigInt(lastCallId) } });
      assert.deepEqual(decodeAnswerBatch(closing), { answers: [], lastCallId });
    }
    const all = { answers: ANSWERS, callsMax: 3, lastCallId: 4 };
    assertBytes(encodeAnswerBatch(all), pb.AnswerBatchSchema, {
      answers: PB_ANSWERS,
      opening: { callsMax: 3 },
      closing: { lastCallId: 4n },
    });
    assert.deepEqual(decodeAnswerBatch(encodeAnswerBatch(all)), all);
  });

  it('reads fields in any order, and passes over those it does not know', () => {
    const call = [0x20, 1, 0x1a, 1, 9, 0x10, 2, 0xc2, 0x3e, 1, 0xff, 0x08, 4];
    const calls = Uint8Array.of(0x5a, 1, 0, 0x0a, call.length, ...call);
    assert.deepEqual(decodeCallBatch(calls), [
      { id: 4, method: 2, request: Uint8Array.of(9), needsLeader: true },
    ]);
    const answer = [0x22, 1, 0x61, 0x18, 14, 0xc2, 0x3e, 1, 0xff, 0x12, 1, 9, 0x08, 4];
    const answers = Uint8Array.of(0x1a, 2, 0x08, 5, 0x5a, 1, 0, 0x0a, answer.length, ...answer);
    assert.deepEqual(decodeAnswerBatch(answers), {
      answers: [{ id: 4, response: Uint8Array.of(9), code: 14, details: 'a' }],
      lastCallId: 5,
    });
  });

  it('copies responses, so that what is kept of one does not keep the others', () => {
    const bytes = reference(pb.AnswerBatchSchema, { answers: PB_ANSWERS });
    const [first] = decodeAnswerBatch(bytes).answers;
    assert.ok(first !== undefined && first.response.length === long.length);
    assert.notEqual(first.response.buffer, bytes.buffer);
    assert.equal(first.response.buffer.byteLength, long.length);
  });

  it('refuses every truncation but one between calls', () => {
    const calls = encodeCallBatch(CALLS);
    const answers = encodeAnswerBatch({ answers: ANSWERS, callsMax: 3, lastCallId: 4 });
    for (const [whole, decode, seams] of [
      [calls, decodeCallBatch, CALLS.length],
      [answers, decodeAnswerBatch, ANSWERS.length + 2],
    ] as const) {
      let read = 0;
      for (let length = 1; length <= whole.length; length++) {
        try {
          decode(whole.subarray(0, length));
          read++;
        } catch (error) {
          assert.ok(error instanceof WireError, `at ${length}: ${String(error)}`);
        }
      }
      assert.equal(read, seams);
    }
  });

  it('refuses text that is none, and lengths beyond the end', () => {
    assert.throws(() => decodeAnswerBatch(Uint8Array.of(0x0a, 3, 0x22, 1, 0xff)), WireError);
    assert.throws(() => decodeAnswerBatch(Uint8Array.of(0x0a, 3, 0x12, 0xff, 0x7f)), WireError);
    assert.throws(() => decodeCallBatch(Uint8Array.of(0x0a, 3, 0x1a, 0xff, 0x7f)), WireError);
  });

  it('fits into what a server takes, however small the requests are that it takes', () => {
    const call = { id: Number.MAX_SAFE_INTEGER, method: 7, needsLeader: true };
    const count = LIMITS.pipeCalls - 1;
    const size = Math.floor((LIMITS.pipeMessageBytes - 1) / count);
    const short = Array.from({ length: count }, () => ({ ...call, request: new Uint8Array(size) }));
    const last = { ...call, request: new Uint8Array(LIMITS.pipeRequestBytes) };
    assert.ok(encodeCallBatch([...short, last]).length <= LIMITS.grpcOverheadBytes);
  });

  it('reads no more calls in a message than may wait at all', () => {
    const empty = (count: number): Uint8Array =>
      Uint8Array.from({ length: 2 * count }, (_, at) => (at % 2 === 0 ? 0x0a : 0));
    assert.equal(decodeCallBatch(empty(LIMITS.pipeCalls)).length, LIMITS.pipeCalls);
    assert.throws(() => decodeCallBatch(empty(LIMITS.pipeCalls + 1)), WireError);
  });
});

describe('the methods of the pipe', () => {
  it('are the unary ones that the protocol names, under its numbers', () => {
    const unary = new Map<string, string>(
      SERVICE_NAMES.flatMap(methodsOf)
        .filter((method) => streamKind(method) === 'unary')
        .map(({ path }) => [path.split('/')[2] as string, path]),
    );
    const named = pb.MethodSchema.values
      .filter(({ number }) => number !== 0)
      .map(({ number, localName }) => {
        const words = localName.toLowerCase().split('_');
        const rpc = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
        return [number, unary.get(rpc)];
      });
    assert.equal(named.length, 7);
    assert.deepEqual([...PIPE_METHOD_PATHS], named);
    for (const [number, path] of PIPE_METHOD_PATHS) assert.equal(pipeNumberOf(path), number);
    assert.equal(pipeNumberOf('/etcdserverpb.KV/Compact'), undefined);
    assert.equal(pipeNumberOf(PIPE_METHODS.carry.path), undefined);
  });
});
