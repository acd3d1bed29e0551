import { EMPTY_BYTES, LIMITS } from '../store/index.js';
import { Pipe } from './gen/tidelock/pipe/v1/pipe_pb.js';
import { messageMethod } from './message-method.js';
import type { MethodDefinition } from './method.js';
import { WireError } from './wire-error.js';
import { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/**
 * The pipe: many calls in one message of one stream, and many answers. What is inside a call is the
 * bytes of another method, which nobody looks at here. The codec is written by hand, since every
 * call of our own client passes through it.
 */

/** One call on its way to a server. */
export interface PipeCall {
  /** Greater than that of any call before it on the stream. */
  readonly id: number;
  /** See pipe-method.ts; unknown numbers are possible. */
  readonly method: number;
  readonly request: Uint8Array;
  readonly needsLeader: boolean;
}

/** What came of one call. */
export interface PipeAnswer {
  readonly id: number;
  /** Empty if the call failed. */
  readonly response: Uint8Array;
  /** gRPC's status code, 0 for success. */
  readonly code: number;
  readonly details: string;
}

/** One message of a server. */
export interface AnswerBatch {
  readonly answers: readonly PipeAnswer[];
  /** In the first message: how many calls may be without an answer. */
  readonly callsMax?: number;
  /** In the last but for answers: the id of the last call that was taken. */
  readonly lastCallId?: number;
}

const writer = new WireWriter();

export function encodeCallBatch(calls: readonly PipeCall[]): Buffer {
  writer.reset();
  for (let i = calls.length - 1; i >= 0; i--) {
    const call = calls[i] as PipeCall;
    const mark = writer.length;
    writer.bool(4, call.needsLeader);
    writer.bytes(3, call.request);
    writer.int64(2, call.method);
    writer.int64(1, call.id);
    writer.wrap(1, mark);
  }
  return writer.finish();
}

/**
 * The requests are views of `bytes`.
 * @throws WireError
 */
export function decodeCallBatch(bytes: Uint8Array): readonly PipeCall[] {
  const reader = new WireReader(bytes);
  const calls: PipeCall[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) reader.collect(readCall, calls);
    else reader.skip();
    // What is short in bytes is long in memory.
    if (calls.length > LIMITS.pipeCalls) throw new WireError('too many calls in a message');
  }
  return calls;
}

function readCall(reader: WireReader): PipeCall {
  let id = 0;
  let method = 0;
  let request: Uint8Array = EMPTY_BYTES;
  let needsLeader = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.int64(id);
    else if (field === 2) method = reader.int64(method);
    else if (field === 3) request = reader.bytes(request);
    else if (field === 4) needsLeader = reader.bool(needsLeader);
    else reader.skip();
  }
  return { id, method, request, needsLeader };
}

export function encodeAnswerBatch(batch: AnswerBatch): Buffer {
  writer.reset();
  if (batch.lastCallId !== undefined) {
    const mark = writer.length;
    writer.int64(1, batch.lastCallId);
    writer.wrap(3, mark);
  }
  if (batch.callsMax !== undefined) {
    const mark = writer.length;
    writer.int64(1, batch.callsMax);
    writer.wrap(2, mark);
  }
  for (let i = batch.answers.length - 1; i >= 0; i--) {
    const answer = batch.answers[i] as PipeAnswer;
    const mark = writer.length;
    writer.bytes(4, answer.details);
    writer.int64(3, answer.code);
    writer.bytes(2, answer.response);
    writer.int64(1, answer.id);
    writer.wrap(1, mark);
  }
  return writer.finish();
}

/**
 * The responses are the reader's own: what a caller keeps of one must not keep the others alive.
 * @throws WireError
 */
export function decodeAnswerBatch(bytes: Uint8Array): AnswerBatch {
  const reader = new WireReader(bytes);
  const answers: PipeAnswer[] = [];
  let callsMax: number | undefined;
  let lastCallId: number | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) reader.collect(readAnswer, answers);
    else if (field === 2) callsMax = reader.message(readOneNumber, callsMax);
    else if (field === 3) lastCallId = reader.message(readOneNumber, lastCallId);
    else reader.skip();
  }
  return {
    answers,
    ...(callsMax === undefined ? {} : { callsMax }),
    ...(lastCallId === undefined ? {} : { lastCallId }),
  };
}

function readAnswer(reader: WireReader): PipeAnswer {
  let id = 0;
  let response: Uint8Array = EMPTY_BYTES;
  let code = 0;
  let details = '';
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.int64(id);
    else if (field === 2) response = reader.ownBytes(response);
    else if (field === 3) code = reader.int64(code);
    else if (field === 4) details = reader.text(details);
    else reader.skip();
  }
  return { id, response, code, details };
}

/** A message whose only field is a number. */
function readOneNumber(reader: WireReader): number | undefined {
  let value = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) value = reader.int64(value);
    else reader.skip();
  }
  return value;
}

const CARRY: MethodDefinition<readonly PipeCall[], AnswerBatch> = {
  ...messageMethod(Pipe.method.carry),
  requestSerialize: encodeCallBatch,
  requestDeserialize: decodeCallBatch,
  responseSerialize: encodeAnswerBatch,
  responseDeserialize: decodeAnswerBatch,
};

/** The one rpc of the Pipe service. */
export const PIPE_METHODS = { carry: CARRY } as const;
