import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { MethodDefinition } from './method.js';
import { WireError } from './wire-error.js';

/**
 * Methods whose speed does not matter: their messages are protobuf-es objects, described by the
 * generated code. To send one, its plain initial values are enough.
 */
export type MessageMethod<I extends DescMessage, O extends DescMessage> = Omit<
  MethodDefinition<MessageShape<I>, MessageShape<O>>,
  'requestSerialize' | 'responseSerialize'
> & {
  readonly requestSerialize: (request: MessageInitShape<I>) => Buffer;
  readonly responseSerialize: (response: MessageInitShape<O>) => Buffer;
};

type TypedMethod<I extends DescMessage, O extends DescMessage> = DescMethod & {
  readonly input: I;
  readonly output: O;
};

/** The definition of a generated rpc. */
export function messageMethod<I extends DescMessage, O extends DescMessage>(
  rpc: TypedMethod<I, O>,
): MessageMethod<I, O> {
  const { input, output, methodKind } = rpc;
  return {
    path: `/${rpc.parent.typeName}/${rpc.name}`,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    requestSerialize: (request) => encode(input, request),
    requestDeserialize: (bytes) => decode(input, bytes),
    responseSerialize: (response) => encode(output, response),
    responseDeserialize: (bytes) => decode(output, bytes),
  };
}

function encode<D extends DescMessage>(desc: D, init: MessageInitShape<D>): Buffer {
  const bytes = toBinary(desc, create(desc, init));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decode<D extends DescMessage>(desc: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(desc, bytes);
  } catch (error) {
    throw new WireError(`malformed protobuf: no ${desc.typeName}`, { cause: error });
  }
}
