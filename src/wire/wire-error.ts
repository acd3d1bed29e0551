/**
 * Bytes that are not the protobuf message they should be: truncated, or with impossible tags or
 * lengths. Whoever serves turns it into gRPC's INTERNAL; it never means that a request was refused.
 */
export class WireError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WireError';
  }
}
