// An HTTP/2 client that sends just what a test tells it to, in pieces as the test likes, and never
// anything by itself. What comes back is kept as frames.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { until } from './until.js';

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;
export const ACK = 0x1;
export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITIZED = 0x20;

export interface Frame {
  readonly kind: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(
  kind: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(kind, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** GET / by http, and this authority in plain characters, to be remembered by the other side. */
export function headerBlock(authority: string): Buffer {
  const value = Buffer.from(authority, 'latin1');
  return Buffer.concat([Buffer.from([0x82, 0x86, 0x84, 0x41, value.length]), value]);
}

/** The same again, now that both sides remember the authority. */
export const HEADERS_BY_INDEX = Buffer.from([0x82, 0x86, 0x84, 0xbe]);

export const SETTINGS_ACK = frame(SETTINGS, ACK, 0);
export const EMPTY_SETTINGS = frame(SETTINGS, 0, 0);

export class RawHttp2 {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  #unread = Buffer.alloc(0);
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
    });
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  static async dial(port: number): Promise<RawHttp2> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const client = new RawHttp2(socket);
    await once(socket, 'connect');
    return client;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(...pieces: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(pieces));
  }

  /** One byte at a time, each in a packet of its own as far as that can be had. */
  async trickle(...pieces: readonly Uint8Array[]): Promise<void> {
    for (const byte of Buffer.concat(pieces)) {
      this.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Settings of the other side so far, receipts not counted. */
  get settings(): readonly Frame[] {
    return this.frames.filter(({ kind, flags }) => kind === SETTINGS && flags === 0);
  }

  settled(count: number): Promise<void> {
    return until(`${count} SETTINGS`, () => this.settings.length >= count);
  }

  /** The body of the answer on a stream, or the code with which it was reset. */
  async answer(stream = 1): Promise<string> {
    const find = (wanted: (frame: Frame) => boolean): Frame | undefined =>
      this.frames.find((each) => each.stream === stream && wanted(each));
    const isEnd = ({ kind, flags }: Frame): boolean => kind === DATA && (flags & END_STREAM) !== 0;
    const isReset = ({ kind }: Frame): boolean => kind === RST_STREAM;
    await until(
      `an answer on stream ${stream}`,
      () => this.#closed || find((each) => isEnd(each) || isReset(each)) !== undefined,
    );
    const reset = find(isReset);
    if (reset !== undefined) return `reset ${reset.payload.readUInt32BE(0)}`;
    const bodies = this.frames.filter((each) => each.kind === DATA && each.stream === stream);
    return Buffer.concat(bodies.map(({ payload }) => payload)).toString();
  }

  async gone(): Promise<void> {
    await until('the end of the connection', () => this.#closed);
  }

  #take(chunk: Buffer): void {
    let rest = Buffer.concat([this.#unread, chunk]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      this.frames.push({
        kind: rest.readUInt8(3),
        flags: rest.readUInt8(4),
        stream: rest.readUInt32BE(5),
        payload: rest.subarray(9, end),
      });
      rest = rest.subarray(end);
    }
    this.#unread = rest;
  }
}
