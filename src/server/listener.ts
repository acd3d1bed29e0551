import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { ListenUrl } from './config/listen-url.js';
import { PREFACE } from './http2-first-frames.js';
import { openHttp2 } from './http2-opening.js';

export interface ListenerOptions {
  /** Takes over a connection that speaks HTTP/2. */
  readonly http2: (socket: Socket) => void;
  /** Takes over any other connection. */
  readonly http1: (socket: Socket) => void;
  /** Connections beyond this are closed at once. */
  readonly connectionsMax: number;
  /** How long a connection may stay undecided, and then owe what HTTP/2 wants it to send. */
  readonly prefaceTimeoutMs: number;
  /** Calls that the taker of an HTTP/2 connection allows at once. */
  readonly streamsMax: number;
  /** How long the taker of an HTTP/2 connection waits for it, if there is no call yet. */
  readonly firstCallWaitMs: number;
  /** A connection that was not handed over, with the reason. For counting; must not throw. */
  readonly refused: (reason: 'timeout' | 'closed' | 'tooMany' | 'tooMuch') => void;
}

/**
 * Owns the sockets of the client ports. Reads just enough of each connection to tell gRPC from
 * plain HTTP, and at most the first call, puts it back, and hands the connection over; what becomes
 * of it then is the taker's business. It never lets a client hold an undecided connection for long,
 * nor lets a socket's error out.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #serving = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Connections open now. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /**
   * Takes an address; who connects waits until `serve` is called. Resolves with the address, in
   * which port 0 has become the real port.
   * @throws the system's error (EADDRINUSE, EACCES, …)
   */
  async listen(url: ListenUrl): Promise<ListenUrl> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: url.host, port: url.port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    // Accepting can fail later on, for want of descriptors; the listener survives that.
    server.on('error', () => {});
    this.#servers.push(server);
    return { host: url.host, port: (server.address() as AddressInfo).port };
  }

  /** Begins to serve, first those who connected before. */
  serve(): void {
    this.#serving = true;
    for (const socket of this.#sockets) this.#decide(socket);
  }

  /** Stops accepting; open connections go on. */
  stopAccepting(): void {
    for (const server of this.#servers) server.close();
  }

  /** Ends what is still open. */
  async close(): Promise<void> {
    const closed = this.#servers.map((server) => {
      return new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    });
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #accept(socket: Socket): void {
    if (this.#sockets.size >= this.#options.connectionsMax) {
      this.#options.refused('tooMany');
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // A reset by the client is its right; 'close' follows every error.
    socket.on('error', () => {});
    if (this.#serving) this.#decide(socket);
  }

  #decide(socket: Socket): void {
    let seen: Buffer = Buffer.alloc(0);
    const timer = setTimeout(() => giveUp('timeout'), this.#options.prefaceTimeoutMs);
    timer.unref();
    const stop = (): void => {
      clearTimeout(timer);
      socket.off('readable', read);
      socket.off('end', ended);
      socket.off('close', ended);
    };
    const giveUp = (reason: 'timeout' | 'closed'): void => {
      stop();
      this.#options.refused(reason);
      socket.destroy();
    };
    const ended = (): void => giveUp('closed');
    const read = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const speaks = protocolOf(seen);
      if (speaks === undefined) return;
      stop();
      if (speaks === 'http2') {
        this.#openHttp2(socket, seen);
      } else {
        socket.unshift(seen);
        // An HTTP/1 client may close its half once it has asked, and still wants the answer.
        socket.allowHalfOpen = true;
        this.#options.http1(socket);
      }
    };
    socket.on('readable', read);
    socket.on('end', ended);
    socket.on('close', ended);
  }

  #openHttp2(socket: Socket, seen: Buffer): void {
    const { http2, streamsMax, firstCallWaitMs, prefaceTimeoutMs, refused } = this.#options;
    const receiptTimeoutMs = prefaceTimeoutMs;
    openHttp2(socket, seen, { http2, streamsMax, firstCallWaitMs, receiptTimeoutMs, refused });
  }
}

/** Undefined while too little has come to tell: what is no HTTP/2 is taken for HTTP/1. */
function protocolOf(seen: Buffer): 'http1' | 'http2' | undefined {
  const length = Math.min(seen.length, PREFACE.length);
  if (PREFACE.compare(seen, 0, length, 0, length) !== 0) return 'http1';
  return length === PREFACE.length ? 'http2' : undefined;
}
