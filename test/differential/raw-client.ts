// A thin gRPC client on the generated messages, which shares no line with our own client or codecs:
// what it reads is what any etcd client would read.
import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { KV } from '../../src/wire/gen/etcdserverpb/kv_pb.js';
import {
  Lease,
  LeaseKeepAliveRequestSchema,
  LeaseKeepAliveResponseSchema,
} from '../../src/wire/gen/etcdserverpb/lease_pb.js';
import { Maintenance } from '../../src/wire/gen/etcdserverpb/maintenance_pb.js';

/** The unary methods that are compared, by the names that steps use. */
export const METHODS = {
  range: KV.method.range,
  put: KV.method.put,
  deleteRange: KV.method.deleteRange,
  txn: KV.method.txn,
  compact: KV.method.compact,
  leaseGrant: Lease.method.leaseGrant,
  leaseRevoke: Lease.method.leaseRevoke,
  leaseTimeToLive: Lease.method.leaseTimeToLive,
  leaseLeases: Lease.method.leaseLeases,
  hashKv: Maintenance.method.hashKV,
} as const;

export type MethodName = keyof typeof METHODS | 'leaseKeepAlive';

/** What a server said: a message, or a status with its text. */
export type Answer =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'status'; readonly code: number; readonly details: string };

const DEADLINE_MS = 10_000;
const same = (bytes: Buffer): Buffer => bytes;

export class RawClient {
  readonly #client: Client;

  /** @param endpoint `http://host:port` */
  constructor(endpoint: string) {
    this.#client = new Client(endpoint.replace('http://', ''), credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
  }

  call(method: MethodName, request: Message): Promise<Answer> {
    if (method === 'leaseKeepAlive') return this.#keepAlive(request);
    const descriptor: DescMethod = METHODS[method];
    const bytes = encode(descriptor.input, request);
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        pathOf(descriptor),
        same,
        same,
        bytes,
        new Metadata(),
        { deadline: Date.now() + DEADLINE_MS },
        (error: ServiceError | null, answer?: Buffer) => {
          if (error !== null) {
            resolve({ kind: 'status', code: error.code, details: error.details });
          } else if (answer !== undefined) {
            resolve({ kind: 'message', message: fromBinary(descriptor.output, answer) });
          }
        },
      );
    });
  }

  /** Opens a stream of bytes. */
  stream(path: string): ClientDuplexStream<Buffer, Buffer> {
    return this.#client.makeBidiStreamRequest(path, same, same, new Metadata());
  }

  close(): void {
    this.#client.close();
  }

  /** One keep-alive on a stream of its own. */
  #keepAlive(request: Message): Promise<Answer> {
    const call = this.stream(pathOf(Lease.method.leaseKeepAlive));
    return new Promise((resolve) => {
      call.on('data', (bytes: Buffer) => {
        const message = fromBinary(LeaseKeepAliveResponseSchema, bytes);
        resolve({ kind: 'message', message });
        call.end();
      });
      call.on('error', ({ code, details }: ServiceError) => {
        resolve({ kind: 'status', code, details });
      });
      call.write(encode(LeaseKeepAliveRequestSchema, request));
    });
  }
}

export function encode(schema: DescMessage, message: Message): Buffer {
  return Buffer.from(toBinary(schema, message));
}

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
