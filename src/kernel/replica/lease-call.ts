/**
 * What members ask their leader about leases, and what it answers: the bodies of one kind of call.
 * Every member reads alike what another one wrote; what none writes is refused.
 */
import { ByteReader, ByteWriter, CodecError } from '../codec/bytes.js';

export interface LeaseQuestion {
  readonly kind: 'renew' | 'timeToLive';
  readonly id: bigint;
}

export type LeaseReply =
  /** There is no such lease. */
  | { readonly kind: 'none' }
  /** The lease ran out and is not gone yet: ask again. */
  | { readonly kind: 'ending' }
  | LeaseState;

/** A lease as its leader sees it; renewed, if that was asked for. */
export interface LeaseState {
  readonly kind: 'lease';
  readonly grantedTtlSeconds: number;
  readonly remainingMs: number;
}

const QUESTIONS = ['renew', 'timeToLive'] as const satisfies readonly LeaseQuestion['kind'][];
const REPLIES = ['none', 'ending', 'lease'] as const satisfies readonly LeaseReply['kind'][];

export function writeLeaseQuestion(question: LeaseQuestion): Uint8Array {
  return new ByteWriter(9).u8(QUESTIONS.indexOf(question.kind)).u64(question.id).finish();
}

/** @throws CodecError */
export function readLeaseQuestion(body: Uint8Array): LeaseQuestion {
  const reader = new ByteReader(body);
  const kind = QUESTIONS[reader.u8()];
  if (kind === undefined) throw new CodecError('no question about leases is of this kind');
  const id = reader.i64();
  reader.end();
  return { kind, id };
}

export function writeLeaseReply(reply: LeaseReply): Uint8Array {
  const writer = new ByteWriter(24).u8(REPLIES.indexOf(reply.kind));
  if (reply.kind === 'lease') {
    writer.varint(reply.grantedTtlSeconds).varint(Math.ceil(reply.remainingMs));
  }
  return writer.finish();
}

/** @throws CodecError */
export function readLeaseReply(body: Uint8Array): LeaseReply {
  const reader = new ByteReader(body);
  const kind = REPLIES[reader.u8()];
  if (kind === undefined) throw new CodecError('no answer about leases is of this kind');
  const reply: LeaseReply =
    kind === 'lease'
      ? { kind, grantedTtlSeconds: reader.varint(), remainingMs: reader.varint() }
      : { kind };
  reader.end();
  return reply;
}
