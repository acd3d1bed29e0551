/**
 * What is inside the frames that are no messages of raft: forwarded proposals, small calls from one
 * member to another, and the few words of the gate. Plain data both ways; readers raise a
 * CodecError for what the writers here do not write.
 */
import { STORE_ERROR_TEXT, StoreError, type StoreErrorCode } from '../../store/index.js';
import { ByteReader, ByteWriter, CodecError } from './bytes.js';

/** The payload of an entry, on its way to the leader of `term`: the `sequence`-th one in it. */
export interface Forward {
  readonly term: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

export function writeForward(forward: Forward): Uint8Array {
  const { term, sequence, payload } = forward;
  return new ByteWriter(payload.length + 20).varint(term).varint(sequence).raw(payload).finish();
}

export function readForward(body: Uint8Array): Forward {
  const reader = new ByteReader(body);
  const term = reader.varint();
  const sequence = reader.varint();
  return { term, sequence, payload: reader.raw(reader.remaining) };
}

/** The leader of `term` has taken all up to `sequence` that one start of a member forwarded. */
export interface Taken {
  readonly term: number;
  readonly sequence: number;
  readonly startNonce: bigint;
}

export function writeTaken(taken: Taken): Uint8Array {
  return new ByteWriter(32)
    .varint(taken.term)
    .varint(taken.sequence)
    .u64(taken.startNonce)
    .finish();
}

export function readTaken(body: Uint8Array): Taken {
  const reader = new ByteReader(body);
  const taken = { term: reader.varint(), sequence: reader.varint(), startNonce: reader.u64() };
  reader.end();
  return taken;
}

/** What a member acknowledged and is committed: up to `index`, to the leader of `term`. */
export interface Pledge {
  readonly id: bigint;
  readonly index: number;
  readonly term: number;
}

export function writePledges(pledges: readonly Pledge[]): Uint8Array {
  const writer = new ByteWriter(64).varint(pledges.length);
  for (const { id, index, term } of pledges) writer.u64(id).varint(index).varint(term);
  return writer.finish();
}

export function readPledges(body: Uint8Array): readonly Pledge[] {
  const reader = new ByteReader(body);
  const count = reader.varint();
  if (count > reader.remaining) throw new CodecError(`${count} pledges do not fit`);
  const pledges = Array.from({ length: count }, () => {
    return { id: reader.u64(), index: reader.varint(), term: reader.varint() };
  });
  reader.end();
  return pledges;
}

export interface Call {
  readonly id: number;
  readonly name: string;
  readonly body: Uint8Array;
}

export function writeCall(call: Call): Uint8Array {
  return new ByteWriter(call.body.length + 48)
    .varint(call.id)
    .input(call.name)
    .raw(call.body)
    .finish();
}

export function readCall(body: Uint8Array): Call {
  const reader = new ByteReader(body);
  const id = reader.varint();
  const name = new TextDecoder().decode(reader.bytes());
  return { id, name, body: reader.raw(reader.remaining) };
}

/** What a call came to; `startNonce` is the one of the process that called. */
export type Answer = { readonly id: number; readonly startNonce: bigint } & (
  | { readonly ok: true; readonly body: Uint8Array }
  | { readonly ok: false; readonly error: StoreError }
);

export function writeAnswer(answer: Answer): Uint8Array {
  const writer = new ByteWriter(64).varint(answer.id).u64(answer.startNonce).bool(answer.ok);
  if (answer.ok) writer.raw(answer.body);
  else writer.input(answer.error.code).input(answer.error.message);
  return writer.finish();
}

export function readAnswer(body: Uint8Array): Answer {
  const reader = new ByteReader(body);
  const common = { id: reader.varint(), startNonce: reader.u64() };
  if (reader.bool()) return { ...common, ok: true, body: reader.raw(reader.remaining) };
  const code = readText(reader);
  const message = readText(reader);
  reader.end();
  const known = Object.hasOwn(STORE_ERROR_TEXT, code) ? (code as StoreErrorCode) : 'Unknown';
  return { ...common, ok: false, error: new StoreError(known, message) };
}

/** Why a member's frames are not listened to. The position in this list is the byte on the wire. */
const REFUSALS = ['wrong-cluster', 'removed', 'amnesia', 'duplicate'] as const;

/** One of those reasons. */
export type Refusal = (typeof REFUSALS)[number];

/** Who is refused is named by its start, so that another process of the same id is not stopped. */
export interface Refused {
  readonly reason: Refusal;
  readonly startNonce: bigint;
}

export function writeRefused(refused: Refused): Uint8Array {
  return new ByteWriter(16).u8(REFUSALS.indexOf(refused.reason)).u64(refused.startNonce).finish();
}

export function readRefused(body: Uint8Array): Refused {
  const reader = new ByteReader(body);
  const at = reader.u8();
  const reason = REFUSALS[at];
  if (reason === undefined) throw new CodecError(`${at} is no reason to refuse a member`);
  const startNonce = reader.u64();
  reader.end();
  return { reason, startNonce };
}

/** A question only the process of `startNonce` answers, with the same body. */
export interface Challenge {
  readonly startNonce: bigint;
  readonly token: bigint;
}

export function writeChallenge(challenge: Challenge): Uint8Array {
  return new ByteWriter(16).u64(challenge.startNonce).u64(challenge.token).finish();
}

export function readChallenge(body: Uint8Array): Challenge {
  const reader = new ByteReader(body);
  const challenge = { startNonce: reader.u64(), token: reader.u64() };
  reader.end();
  return challenge;
}

function readText(reader: ByteReader): string {
  return new TextDecoder().decode(reader.bytes());
}
