import { type ClientReadableStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import { StoreError } from '../store/index.js';
import type { SnapshotResponse } from '../wire/gen/etcdserverpb/maintenance_pb.js';
import { MAINTENANCE_METHODS } from '../wire/maintenance.js';
import { failureOf } from './call-fate.js';
import { canceled } from './lifetime.js';
import type { Link } from './link.js';

/** A part of a member's state on its way. */
export interface SnapshotPiece {
  readonly bytes: Uint8Array;
  /** What is still to come, without the hash at the end. */
  readonly remainingBytes: number;
  /** Of the format, as the server names it; empty from servers that do not. */
  readonly version: string;
}

/** A member's state in the order of its file, whose last 32 bytes are the SHA-256 of the others. */
export interface RemoteSnapshot {
  readonly endpoint: string;
  /**
   * No faster than they are taken; leaving the loop ends the call.
   * @throws StoreError `Unavailable`, `Canceled`, whatever the server answers
   */
  readonly pieces: AsyncIterable<SnapshotPiece>;
}

/** Asks a member for its state; nothing is asked before the first piece is. */
export function openSnapshot(link: Link, signal: AbortSignal | undefined): RemoteSnapshot {
  return { endpoint: link.endpoint.url, pieces: piecesOf(link, signal) };
}

async function* piecesOf(
  link: Link,
  signal: AbortSignal | undefined,
): AsyncGenerator<SnapshotPiece> {
  const { path, requestSerialize, responseDeserialize } = MAINTENANCE_METHODS.snapshot;
  const call: ClientReadableStream<SnapshotResponse> = link.client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    {},
    new Metadata(),
  );
  const cancel = (): void => call.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  try {
    for await (const message of call as AsyncIterable<SnapshotResponse>) {
      const { blob: bytes, remainingBytes, version } = message;
      yield { bytes, remainingBytes: Number(remainingBytes), version };
    }
  } catch (error) {
    if (signal?.aborted) throw canceled(signal);
    throw explain(error, link.endpoint.url);
  } finally {
    signal?.removeEventListener('abort', cancel);
    call.cancel();
  }
}

function explain(error: unknown, endpoint: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('details' in error)) return error;
  const failure = failureOf(error as ServiceError);
  // What a server that stops says, or the end of a connection: this one was not closed from here.
  if (failure.code !== 'Unavailable') return failure;
  return new StoreError('Unavailable', `${endpoint}: ${failure.message}`);
}
