import { LIMITS } from '../store/index.js';
import { withoutSchemeInAuthority } from './http2-authority.js';

/** What every HTTP/2 client says first, whoever it is. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** What grpc-go says next: it wants nothing special. Then it waits to be answered. */
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const HEAD_BYTES = 9;
/** Larger frames are an error unless the receiver has allowed them. */
const PAYLOAD_BYTES_MAX = 16_384;
const HEADERS = 1;
const PRIORITY = 2;
const SETTINGS = 4;
const WINDOW_UPDATE = 8;
const FLAG_ACK = 1;

/**
 * - `wait`: more has to come.
 * - `greet`: the client waits for our settings; send them, and more will come.
 * - `ready`: the bytes can go to a session.
 * - `tooMuch`: the client sends on and on without what it owes.
 */
export type FirstFramesStep = 'wait' | 'greet' | 'ready' | 'tooMuch';

/**
 * The first bytes of an HTTP/2 connection, up to its first call, made fit for Node's session: a
 * scheme is taken out of the first call's `:authority`, and the client's receipt for settings that
 * were sent before there was a session, which the session would not expect, is taken out as well.
 * Owns bytes only, no socket and no time, and judges nothing else: errors are the session's to
 * find.
 */
export class FirstFrames {
  #bytes: Buffer = Buffer.alloc(0);
  /** The first frame that has not been looked at. */
  #at = PREFACE.length + EMPTY_SETTINGS.length;
  #greeting: 'unsent' | 'unacknowledged' | 'acknowledged' = 'unsent';
  /** A frame has come that wants a session. */
  #wanted = false;
  #broken = false;

  /** All that came, for a session. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** A session would take the client's next receipt for its own. */
  get owesReceipt(): boolean {
    return this.#greeting === 'unacknowledged' && !this.#broken;
  }

  /** @param chunk what came next; the preface is in the first one */
  take(chunk: Buffer): FirstFramesStep {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const settings = this.#bytes.subarray(PREFACE.length, PREFACE.length + EMPTY_SETTINGS.length);
    // Other clients are not known to need any of this, and get their session at once.
    if (!EMPTY_SETTINGS.subarray(0, settings.length).equals(settings)) return 'ready';
    if (settings.length < EMPTY_SETTINGS.length) return 'wait';
    while (this.#lookAtNext());
    if (this.#broken || (this.#wanted && !this.owesReceipt)) return 'ready';
    if (this.#bytes.length > LIMITS.http2FirstBytes) return 'tooMuch';
    if (this.#greeting !== 'unsent') return 'wait';
    this.#greeting = 'unacknowledged';
    return 'greet';
  }

  /** @returns whether there was a whole frame */
  #lookAtNext(): boolean {
    const start = this.#at;
    if (this.#broken || this.#bytes.length < start + HEAD_BYTES) return false;
    const length = this.#bytes.readUIntBE(start, 3);
    this.#broken = length > PAYLOAD_BYTES_MAX;
    const end = start + HEAD_BYTES + length;
    if (this.#bytes.length < end) return false;
    this.#at = end;
    const frame = this.#bytes.subarray(start, end);
    const kind = frame[3];
    if (kind === HEADERS) {
      this.#replace(start, end, withoutSchemeInAuthority(frame));
      this.#wanted = true;
    } else if (kind === SETTINGS && frame[4] === FLAG_ACK && this.owesReceipt) {
      this.#replace(start, end, Buffer.alloc(0));
      this.#greeting = 'acknowledged';
    } else if (kind !== PRIORITY && kind !== WINDOW_UPDATE) {
      this.#wanted = true;
    }
    return true;
  }

  #replace(start: number, end: number, frame: Buffer): void {
    if (frame.length === end - start) return;
    const [before, after] = [this.#bytes.subarray(0, start), this.#bytes.subarray(end)];
    this.#bytes = Buffer.concat([before, frame, after]);
    this.#at = start + frame.length;
  }
}
