import { createHash } from 'node:crypto';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { StoreError } from '../../store/index.js';
import { MAINTENANCE_METHODS } from '../../wire/maintenance.js';
import { STORAGE_VERSION } from '../version.js';
import type { ServiceParts } from './service-parts.js';
import { StreamCall } from './stream-call.js';

/** What etcd puts into one message. */
const BLOB_BYTES = 32_768;

/**
 * The member's state as one stream of blobs, each saying how much is left, and after them the
 * SHA-256 of all: together the file that `snapshot save` writes. No faster than the client reads;
 * a client that goes away early gives the state back at once.
 */
export function serveSnapshot(
  parts: ServiceParts,
  call: ServerWritableStream<Uint8Array, Uint8Array>,
): void {
  const { gate, openStreams } = parts;
  const rpc = parts.registrar.countersOf(MAINTENANCE_METHODS.snapshot);
  const stream = new StreamCall(rpc, call);
  rpc.received(call.request.length);
  const failWith = (error: unknown): void => stream.fail(gate.statusOf(rpc, error));
  const refusal = gate.refusalOf(call, 'all');
  if (refusal !== undefined) {
    failWith(refusal);
    return;
  }
  const handle = { stop: (): void => failWith(new StoreError('Stopped')) };
  openStreams.add(handle);
  stream.onEnded = () => openStreams.delete(handle);
  sendImage(parts, stream).catch(failWith);
}

async function sendImage({ kernel }: ServiceParts, stream: StreamCall): Promise<void> {
  const { responseSerialize } = MAINTENANCE_METHODS.snapshot;
  const version = STORAGE_VERSION;
  const { byteCount, pieces } = await kernel.snapshot();
  const hash = createHash('sha256');
  let left = byteCount;
  for await (const blob of inBlobs(pieces)) {
    // Leaving the loop closes the image.
    if (stream.ended) return;
    hash.update(blob);
    left -= blob.length;
    await stream.send(responseSerialize({ remainingBytes: BigInt(left), blob, version }));
  }
  if (left !== 0) throw new Error(`a state image of ${byteCount} bytes had ${left} fewer`);
  await stream.send(responseSerialize({ remainingBytes: 0n, blob: hash.digest(), version }));
  stream.end();
}

/** The same bytes in parts of one size; only the last may be smaller. */
async function* inBlobs(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const piece of pieces) {
    let bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    while (bytes.length >= BLOB_BYTES) {
      yield bytes.subarray(0, BLOB_BYTES);
      bytes = bytes.subarray(BLOB_BYTES);
    }
    rest = bytes;
  }
  if (rest.length > 0) yield rest;
}
