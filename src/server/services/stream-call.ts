import type { Metadata } from '@grpc/grpc-js';
import { LIMITS } from '../../store/index.js';
import type { RpcCounters } from '../metrics/rpc-counters.js';

/** What this room uses of a grpc-js call that the server writes to. */
export interface WritableCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  readonly writableNeedDrain: boolean;
  write(bytes: Uint8Array, passedOn?: () => void): boolean;
  end(): void;
  emit(event: 'error', status: { readonly code: number; readonly details: string }): boolean;
  on(event: 'cancelled' | 'drain' | 'close', listener: () => void): unknown;
}

/**
 * One streaming call: counts its messages and ends it exactly once, whoever is first, the client by
 * going away or the server. After the end nothing is written. The call itself bounds what it has
 * not passed on in messages only, which may be large; here their bytes are bounded.
 */
export class StreamCall {
  /** Runs once, at the end, whatever its cause. */
  onEnded: () => void = () => {};
  /** Runs when there is room again after `write` returned false. */
  onRoom: () => void = () => {};
  readonly #rpc: RpcCounters;
  readonly #call: WritableCall;
  readonly #startedAt = performance.now();
  /** Lets a `send` that waits for room go on. */
  #resume: () => void = () => {};
  #ended = false;
  /** Whether somebody was told to write no more. */
  #full = false;
  /** Of large messages. */
  #unsentBytes = 0;

  constructor(rpc: RpcCounters, call: WritableCall) {
    this.#rpc = rpc;
    this.#call = call;
    rpc.started += 1;
    call.on('drain', () => this.#passedOn(0));
    call.on('cancelled', () => this.#settle(1));
    call.on('close', () => this.#settle(1));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** False when the client reads too slowly: write no more until `onRoom`. */
  write(bytes: Uint8Array): boolean {
    if (this.#ended) return true;
    const { length } = bytes;
    this.#rpc.sent(length);
    let room: boolean;
    if (length <= LIMITS.streamSmallMessageBytes) room = this.#call.write(bytes);
    else {
      this.#unsentBytes += length;
      room = this.#call.write(bytes, () => this.#passedOn(length));
    }
    if (room && this.#unsentBytes <= LIMITS.streamUnsentBytes) return true;
    this.#full = true;
    return false;
  }

  #passedOn(byteCount: number): void {
    this.#unsentBytes -= byteCount;
    if (!this.#full || this.#ended || this.#call.writableNeedDrain) return;
    if (this.#unsentBytes > LIMITS.streamUnsentBytes) return;
    this.#full = false;
    this.#resume();
    this.onRoom();
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
