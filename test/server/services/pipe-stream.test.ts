// Proves the server's end of a pipe by itself: what it takes, in which order, how it puts answers
// together, what it refuses, when it stops reading, and that it says everything that it owes before
// it is done, and nothing afterwards.
import assert from 'node:assert/strict';
import { LIMITS } from '../../../src/store/index.js';
import { RpcCounters } from '../../../src/server/metrics/rpc-counters.js';
import type { GateMethod, GateReply } from '../../../src/server/services/call-gate.js';
import { PipeStream } from '../../../src/server/services/pipe-stream.js';
import { StatusError } from '../../../src/server/services/status.js';
import { type AnswerBatch, decodeAnswerBatch, encodeCallBatch } from '../../../src/wire/pipe.js';
import { WireError } from '../../../src/wire/wire-error.js';

const NONE = new Uint8Array(0);
const PUT: GateMethod = {
  rpc: new RpcCounters('service', 'Put', 'unary'),
  limited: true,
  servedBy: 'voters',
  work: () => NONE,
};

/** A call as the gate was handed it. */
interface Taken {
  readonly method: GateMethod;
  readonly request: readonly number[];
  readonly insists: boolean;
  readonly cancelled: () => boolean;
  readonly reply: GateReply;
}

describe('PipeStream', () => {
  let stream: PipeStream;
  let taken: Taken[];
  let said: (AnswerBatch | 'done' | 'hold' | 'release')[];
  let soon: (() => void)[];
  let hasRoom: boolean;

  beforeEach(() => {
    taken = [];
    said = [];
    soon = [];
    hasRoom = true;
    stream = new PipeStream({
      gate: {
        take: (method, call, insists, reply) => {
          const cancelled = () => call.cancelled;
          taken.push({ method, request: [...call.request], insists, cancelled, reply });
        },
      },
      methods: new Map([[2, PUT]]),
      write: (message) => {
        said.push(decodeAnswerBatch(message));
        return hasRoom;
      },
      hold: (held) => said.push(held ? 'hold' : 'release'),
      done: () => said.push('done'),
      soon: (flush) => soon.push(flush),
    });
    assert.deepEqual(said.splice(0), [{ answers: [], callsMax: LIMITS.pipeCalls }]);
  });

  function call(...ids: number[]): void {
    stream.receive(
      encodeCallBatch(
        ids.map((id) => ({ id, method: 2, request: Uint8Array.of(id), needsLeader: id % 2 === 0 })),
      ),
    );
  }

  function passTurn(): void {
    for (const flush of soon.splice(0)) flush();
  }

  function answer(at: number, response = NONE): void {
    taken[at]?.reply(null, response);
  }

  function answerOf(id: number, response = NONE) {
    return { id, response, code: 0, details: '' };
  }

  it('hands each call to the gate as it would have come by itself', () => {
    call(1, 2, 4);
    assert.deepEqual(
      taken.map(({ method, request, insists }) => [method, request, insists]),
      [
        [PUT, [1], false],
        [PUT, [2], true],
        [PUT, [4], true],
      ],
    );
  });

  it('answers in any order, with what is ready at once in one message', () => {
    call(1, 2, 3);
    answer(2, Uint8Array.of(9));
    taken[0]?.reply({ code: 5, details: 'etcdserver: requested lease not found' }, null);
    assert.deepEqual(said, []);
    passTurn();
    const failed = { id: 1, response: NONE, code: 5 };
    assert.deepEqual(said.splice(0), [
      {
        answers: [
          answerOf(3, Uint8Array.of(9)),
          { ...failed, details: 'etcdserver: requested lease not found' },
        ],
      },
    ]);
    answer(1);
    passTurn();
    assert.deepEqual(said, [{ answers: [answerOf(2)] }]);
  });

  it('does not let a message grow for ever', () => {
    call(1, 2, 3);
    const half = new Uint8Array(LIMITS.pipeMessageBytes / 2);
    answer(0, half);
    assert.equal(said.length, 0);
    answer(1, half);
    assert.deepEqual(said.splice(0), [{ answers: [answerOf(1, half), answerOf(2, half)] }]);
    answer(2, half);
    assert.equal(said.length, 0);
    passTurn();
    assert.equal(said.length, 1);
  });

  it('counts what is said of failures as well', () => {
    const count = 1000;
    call(...Array.from({ length: count }, (_, at) => at + 1));
    const details = 'no'.repeat(LIMITS.pipeMessageBytes / count);
    for (const { reply } of taken) reply({ code: 14, details }, null);
    assert.equal(said.length, 1);
  });

  it('refuses a method that it does not know, and serves the others', () => {
    stream.receive(
      encodeCallBatch([
        { id: 7, method: 9_999, request: NONE, needsLeader: false },
        { id: 8, method: 0, request: NONE, needsLeader: false },
        { id: 9, method: 2, request: NONE, needsLeader: false },
      ]),
    );
    assert.equal(taken.length, 1);
    passTurn();
    const [batch] = said;
    assert.ok(typeof batch === 'object');
    assert.deepEqual(
      batch.answers.map(({ id, code, details }) => [id, code, details]),
      [
        [7, 12, 'unknown method 9999 in a pipe'],
        [8, 12, 'unknown method 0 in a pipe'],
      ],
    );
  });

  it('refuses ids that do not grow, and takes nothing of what follows', () => {
    call(5);
    for (const ids of [[5], [4], [0], [-1], [6, 6]]) {
      assert.throws(
        () => call(...ids),
        (error) => error instanceof StatusError && error.status.code === 3,
        String(ids),
      );
    }
    assert.deepEqual(
      taken.map(({ request }) => request[0]),
      [5, 6],
    );
  });

  it('refuses an id that it could not repeat to the letter', () => {
    call(2 ** 53 - 1);
    assert.throws(
      () => call(2 ** 53),
      (error) => error instanceof StatusError && error.status.code === 3,
    );
    assert.equal(taken.length, 1);
    taken[0]?.reply(null, NONE);
    soon[0]?.();
    const [batch] = said as AnswerBatch[];
    assert.equal(batch?.answers[0]?.id, 2 ** 53 - 1);
  });

  it('takes nothing of a message that is none', () => {
    const whole = encodeCallBatch([{ id: 1, method: 2, request: NONE, needsLeader: true }]);
    assert.throws(() => stream.receive(Buffer.concat([whole, Buffer.of(0x0a, 5)])), WireError);
    assert.equal(taken.length, 0);
  });

  it('takes as many calls as it said, and not one more', () => {
    const ids = Array.from({ length: LIMITS.pipeCalls }, (_, at) => at + 1);
    call(...ids);
    const refused = (error: unknown): boolean =>
      error instanceof StatusError && error.status.code === 8;
    assert.throws(() => call(ids.length + 1), refused);
    assert.equal(taken.length, ids.length);
    answer(0);
    call(ids.length + 1);
    assert.throws(() => call(ids.length + 2), refused);
  });

  it('does not read from a client that does not read, until it does', () => {
    call(1, 2, 3);
    hasRoom = false;
    answer(0);
    passTurn();
    answer(1);
    passTurn();
    assert.deepEqual(
      said.filter((one) => typeof one === 'string'),
      ['hold'],
    );
    hasRoom = true;
    stream.drained();
    stream.drained();
    assert.deepEqual(
      said.filter((one) => typeof one === 'string'),
      ['hold', 'release'],
    );
  });

  it('stops: answers what it took, looks at nothing more, and is done after the last', () => {
    call(1, 2, 3);
    answer(0);
    stream.stop();
    stream.stop();
    assert.deepEqual(said.splice(0), [{ answers: [answerOf(1)] }, { answers: [], lastCallId: 3 }]);
    call(4);
    stream.receive(Buffer.of(0x0a, 5));
    assert.equal(taken.length, 3);
    passTurn();
    answer(2);
    passTurn();
    assert.deepEqual(said.splice(0), [{ answers: [answerOf(3)] }]);
    answer(1);
    assert.deepEqual(said, []);
    passTurn();
    assert.deepEqual(said, [{ answers: [answerOf(2)] }, 'done']);
  });

  it('stops at once when nothing waits', () => {
    stream.stop();
    assert.deepEqual(said, [{ answers: [], lastCallId: 0 }, 'done']);
  });

  it('answers all when the client has said all', () => {
    call(1, 2);
    answer(0);
    stream.finish();
    assert.deepEqual(said, []);
    passTurn();
    answer(1);
    passTurn();
    assert.deepEqual(said, [{ answers: [answerOf(1)] }, { answers: [answerOf(2)] }, 'done']);
  });

  it('is done at once with a client that said nothing, and once', () => {
    stream.finish();
    stream.stop();
    stream.finish();
    assert.deepEqual(said, ['done']);
  });

  it('forgets a client that has gone, and tells the gate', () => {
    call(1, 2);
    answer(0);
    assert.equal(taken[1]?.cancelled(), false);
    stream.end();
    assert.equal(taken[1]?.cancelled(), true);
    answer(1);
    passTurn();
    stream.drained();
    stream.stop();
    stream.finish();
    assert.deepEqual(said, []);
  });
});
