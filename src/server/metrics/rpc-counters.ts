/** How a call streams, in the words of the metrics' `grpc_type` label. */
export type RpcShape = 'unary' | 'server_stream' | 'client_stream' | 'bidi_stream';

/** The names of gRPC's codes as the `grpc_code` label has them, by number. */
export const CODE_NAMES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const;

/**
 * What has happened on one rpc: plain numbers, because they move with every call. The metrics page
 * reads them when it is asked for.
 */
export class RpcCounters {
  readonly service: string;
  readonly method: string;
  readonly shape: RpcShape;
  started = 0;
  messagesReceived = 0;
  messagesSent = 0;
  bytesReceived = 0;
  bytesSent = 0;
  /** By code. */
  readonly handled: number[] = CODE_NAMES.map(() => 0);
  /** Called with the seconds that each call took, if anybody wants to know. */
  observeSeconds: ((seconds: number) => void) | undefined;

  constructor(service: string, method: string, shape: RpcShape) {
    this.service = service;
    this.method = method;
    this.shape = shape;
  }

  received(bytes: number): void {
    this.messagesReceived += 1;
    this.bytesReceived += bytes;
  }

  sent(bytes: number): void {
    this.messagesSent += 1;
    this.bytesSent += bytes;
  }

  ended(code: number): void {
    this.handled[code] = (this.handled[code] ?? 0) + 1;
  }
}
