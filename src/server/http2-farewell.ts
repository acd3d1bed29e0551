import type { Socket } from 'node:net';

/** Settings without any, which every session begins with, and the end: no call was looked at. */
const SETTINGS = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const GOAWAY_FROM_THE_FIRST = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const FAREWELL = Buffer.from([...SETTINGS, ...GOAWAY_FROM_THE_FIRST]);

/**
 * Tells an HTTP/2 client that has only just connected that there is nobody to serve it, so that it
 * knows that whatever it may have sent already came to nothing, and may be sent elsewhere. Owns the
 * connection from then on, and never reads what the client says.
 */
export function sayFarewell(socket: Socket): void {
  socket.resume();
  socket.end(FAREWELL);
}
