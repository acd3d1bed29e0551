import { StoreError } from '../../store/index.js';
import { GRPC_STATUS, toStatus, type WireStatus } from '../../wire/errors.js';
import { WireError } from '../../wire/wire-error.js';

/** A refusal that the store knows nothing of, with its status as it is to be sent. */
export class StatusError extends Error {
  readonly status: WireStatus;

  constructor(code: number, details: string) {
    super(details);
    this.name = 'StatusError';
    this.status = { code, details };
  }
}

/**
 * The status of any error that a handler may meet: the store's by the wire's table, bytes that are
 * no message as grpc-go says it. Anything else was not foreseen and has `expected` false.
 */
export function statusOf(error: unknown): WireStatus & { readonly expected: boolean } {
  if (error instanceof StoreError) return { ...toStatus(error), expected: true };
  if (error instanceof StatusError) return { ...error.status, expected: true };
  if (error instanceof WireError) {
    const details = `grpc: error unmarshalling request: ${error.message}`;
    return { code: GRPC_STATUS.INTERNAL, details, expected: true };
  }
  const details = error instanceof Error ? error.message : String(error);
  return { code: GRPC_STATUS.UNKNOWN, details, expected: false };
}

export function unimplemented(path: string): WireStatus {
  const [, service = '', method = ''] = path.split('/');
  return {
    code: GRPC_STATUS.UNIMPLEMENTED,
    details: `unknown method ${method} for service ${service}`,
  };
}
