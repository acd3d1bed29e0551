import type { ServerDuplexStream } from '@grpc/grpc-js';
import { LEASE_METHODS } from '../../wire/stream-methods.js';
import { openStream } from './open-stream.js';
import type { ServiceParts } from './service-parts.js';
import { StreamCall } from './stream-call.js';

export interface LeaseStreamOptions {
  /** Requests that may wait for an answer before no more are read. */
  readonly requestsMax: number;
  readonly answer: (message: Uint8Array) => Promise<Uint8Array>;
}

/**
 * A keep-alive stream: one answer a request, in the order of the requests, however long each takes.
 * Requests are worked on side by side; a client that does not read its answers is not read from.
 */
export function serveLeaseStream(
  parts: ServiceParts,
  call: ServerDuplexStream<Uint8Array, Uint8Array>,
  options: LeaseStreamOptions,
): void {
  const rpc = parts.registrar.countersOf(LEASE_METHODS.leaseKeepAlive);
  const stream = new StreamCall(rpc, call);
  const failWith = (error: unknown): void => stream.fail(parts.gate.statusOf(rpc, error));
  const refusal = parts.gate.refusalOf(call);
  if (refusal !== undefined) {
    failWith(refusal);
    return;
  }
  const handle = openStream(call, failWith);
  parts.openStreams.add(handle);
  stream.onEnded = () => parts.openStreams.delete(handle);

  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  call.on('data', (message: Uint8Array) => {
    rpc.received(message.length);
    waiting += 1;
    if (waiting >= options.requestsMax) call.pause();
    const answered = options.answer(message);
    // Its failure is seen below, when its turn comes; until then it must not count as unhandled.
    answered.catch(() => {});
    last = last.then(async () => {
      try {
        await stream.send(await answered);
      } catch (error) {
        failWith(error);
      }
      waiting -= 1;
      if (call.isPaused()) call.resume();
    });
  });
  call.on('end', () => {
    void last.then(() => stream.end());
  });
}
