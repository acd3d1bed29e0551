import { Metadata } from '@grpc/grpc-js';
import { LIMITS } from '../store/index.js';
import { pipeNumberOf } from '../wire/pipe-method.js';
import { failureOf, fateOf } from './call-fate.js';
import type { Caller } from './caller.js';
import type { Link } from './link.js';

/** A call as it goes to an endpoint. */
export interface OutgoingCall {
  /** `/<service>/<rpc>` */
  readonly path: string;
  readonly request: Buffer;
  readonly needsLeader: boolean;
  /** Whether it is not to go through the pipe: its answer may hold up others, say. */
  readonly alone: boolean;
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

/** gRPC copies them for each call. */
const NO_METADATA = new Metadata();
const NEEDS_LEADER = new Metadata();
NEEDS_LEADER.set('hasleader', 'true');

/**
 * Makes one call to one endpoint, once: through its pipe if that is open and carries such calls,
 * and otherwise by itself.
 * @returns how to give it up, of which `caller` is told as a failure
 */
export function makeCall(link: Link, call: OutgoingCall, caller: Caller): () => void {
  const number = pipeNumberOf(call.path);
  const fits = !call.alone && call.request.length <= LIMITS.pipeRequestBytes;
  if (number === undefined || !fits) return callAlone(link, call, caller);
  if (link.pipe.isOpen) {
    const id = link.pipe.send(number, call.request, call.needsLeader, caller);
    return () => link.pipe.giveUp(id);
  }
  link.pipe.want();
  return callAlone(link, call, caller);
}

function callAlone(link: Link, call: OutgoingCall, caller: Caller): () => void {
  const { path, request, needsLeader } = call;
  const metadata = needsLeader ? NEEDS_LEADER : NO_METADATA;
  const made = link.client.makeUnaryRequest(path, same, same, request, metadata, (error, bytes) => {
    if (error === null) {
      caller.answered(bytes as Uint8Array);
      return;
    }
    const failure = failureOf(error);
    caller.failed(failure, fateOf(error, failure));
  });
  return () => made.cancel();
}
