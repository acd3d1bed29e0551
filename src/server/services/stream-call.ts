import type { Metadata } from '@grpc/grpc-js';
import type { RpcCounters } from '../metrics/rpc-counters.js';

/** What this room uses of a grpc-js call that the server writes to. */
export interface WritableCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  write(bytes: Uint8Array): boolean;
  end(): void;
  emit(event: 'error', status: { readonly code: number; readonly details: string }): boolean;
  on(event: 'cancelled' | 'drain' | 'close', listener: () => void): unknown;
}

/**
 * One streaming call: counts its messages and ends it exactly once, whoever is first, the client by
 * going away or the server. After the end nothing is written.
 */
export class StreamCall {
  /** Runs once, at the end, whatever its cause. */
  onEnded: () => void = () => {};
  readonly #rpc: RpcCounters;
  readonly #call: WritableCall;
  readonly #startedAt = performance.now();
  /** Lets a `send` that waits for room go on. */
  #resume: () => void = () => {};
  #ended = false;

  constructor(rpc: RpcCounters, call: WritableCall) {
    this.#rpc = rpc;
    this.#call = call;
    rpc.started += 1;
    call.on('drain', () => this.#resume());
    call.on('cancelled', () => this.#settle(1));
    call.on('close', () => this.#settle(1));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** False when the client reads too slowly: write no more until 'drain'. */
  write(bytes: Uint8Array): boolean {
    if (this.#ended) return true;
    this.#rpc.sent(bytes.length);
    return this.#call.write(bytes);
  }

  /**
   * Resolves when the client has room again, or the call has ended. One at a time.
   */
  async send(bytes: Uint8Array): Promise<void> {
    if (this.write(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
  }

  /** Ends the call well. */
  end(): void {
    if (this.#settle(0)) this.#call.end();
  }

  /** Ends the call with a status. */
  fail(status: { readonly code: number; readonly details: string }): void {
    if (this.#settle(status.code)) this.#call.emit('error', status);
  }

  #settle(code: number): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#rpc.ended(code);
    this.#rpc.observeSeconds?.((performance.now() - this.#startedAt) / 1000);
    this.#resume();
    this.onEnded();
    return true;
  }
}
