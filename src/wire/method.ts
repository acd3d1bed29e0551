/**
 * What one rpc is called and how its messages become bytes and back. The shape is the one that
 * grpc-js takes apart on both sides, so a definition can be handed to it member by member, typed
 * all the way. Nothing here talks to a network.
 */
export interface MethodDefinition<Request, Response> {
  /** `/<service>/<rpc>`, as in the `:path` of a call. */
  readonly path: string;
  /** Whether the client sends many requests. */
  readonly requestStream: boolean;
  /** Whether the server sends many responses. */
  readonly responseStream: boolean;
  readonly requestSerialize: (request: Request) => Buffer;
  /**
   * @throws WireError, and for hot methods StoreError too. grpc-js makes INTERNAL of whatever its
   * deserializer throws, so a server gives grpc-js {@link bytesOnly} and calls this in its handler.
   */
  readonly requestDeserialize: (bytes: Uint8Array) => Request;
  readonly responseSerialize: (response: Response) => Buffer;
  /** @throws WireError */
  readonly responseDeserialize: (bytes: Uint8Array) => Response;
}

/** How an rpc streams: the four kinds of gRPC. */
export type StreamKind = 'unary' | 'client' | 'server' | 'bidi';

export function streamKind(
  method: Pick<BytesMethod, 'requestStream' | 'responseStream'>,
): StreamKind {
  if (method.requestStream) return method.responseStream ? 'bidi' : 'client';
  return method.responseStream ? 'server' : 'unary';
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

/** A method as it looks before any decoding: its messages are the bytes themselves. */
export interface BytesMethod {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (bytes: Buffer) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Buffer;
  readonly responseSerialize: (bytes: Buffer) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Buffer;
}

/** The method for a caller that encodes and decodes on its own. */
export function bytesOnly(
  method: Pick<BytesMethod, 'path' | 'requestStream' | 'responseStream'>,
): BytesMethod {
  return {
    path: method.path,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}
