import type { Socket } from 'node:net';
import { FirstFrames } from './http2-first-frames.js';

export interface Http2OpeningOptions {
  /** Takes over the connection, with its first bytes put back. */
  readonly http2: (socket: Socket) => void;
  /** Calls that a client may have under way at once, which is told to those who wait. */
  readonly streamsMax: number;
  /** How long to wait for a first call before the session begins without it. */
  readonly firstCallWaitMs: number;
  /** How long a client may take to acknowledge our settings. */
  readonly receiptTimeoutMs: number;
  /** The connection was not handed over; must not throw. */
  readonly refused: (reason: 'timeout' | 'tooMuch') => void;
}

/**
 * Holds an HTTP/2 connection until its first call has been looked at, if its client is one of those
 * whose first call may need help, and hands it over; all others it hands over at once. It answers
 * nothing but a client that waits for our settings, and adds nothing between socket and session:
 * what it changes, it changes in the bytes that it puts back.
 * @param seen what came on the socket, the whole preface at least
 */
export function openHttp2(socket: Socket, seen: Buffer, options: Http2OpeningOptions): void {
  const frames = new FirstFrames();
  const step = frames.take(seen);
  if (step === 'ready') {
    socket.unshift(frames.bytes);
    options.http2(socket);
    return;
  }
  hold(socket, frames, options);
  if (step === 'greet') socket.write(settingsFrame(options.streamsMax));
}

function hold(socket: Socket, frames: FirstFrames, options: Http2OpeningOptions): void {
  let patient = true;
  const stop = (): void => {
    clearTimeout(patience);
    clearTimeout(deadline);
    socket.off('readable', read);
    socket.off('end', ended);
    socket.off('close', stop);
  };
  const handOver = (): void => {
    stop();
    // Destroyed, and its end not told yet: there is nothing to hand over.
    if (socket.destroyed) return;
    socket.unshift(frames.bytes);
    options.http2(socket);
  };
  const giveUp = (reason: 'timeout' | 'tooMuch'): void => {
    stop();
    options.refused(reason);
    socket.destroy();
  };
  // A client may go without having called.
  const ended = (): void => {
    stop();
    socket.destroy();
  };
  const read = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    const step = frames.take(chunk);
    if (step === 'tooMuch') giveUp(step);
    else if (step === 'ready' || (!patient && !frames.owesReceipt)) handOver();
    else if (step === 'greet') socket.write(settingsFrame(options.streamsMax));
  };
  const patience = setTimeout(() => {
    patient = false;
    if (!frames.owesReceipt) handOver();
  }, options.firstCallWaitMs);
  const deadline = setTimeout(() => giveUp('timeout'), options.receiptTimeoutMs);
  patience.unref();
  deadline.unref();
  socket.on('readable', read);
  socket.on('end', ended);
  socket.on('close', stop);
}

/** The same as the session's, which says it again when it begins. */
function settingsFrame(streamsMax: number): Buffer {
  const frame = Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
  frame.writeUInt32BE(streamsMax, 11);
  return frame;
}
