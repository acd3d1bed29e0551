// A way between two ports of this machine that a test can break: cut it, or let it go silent while
// it stays open, as a machine does that lost its power.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** Connections ever taken. */
  taken = 0;

  private constructor(target: () => number) {
    this.#server = createServer((inner) => {
      this.taken += 1;
      const outer = connect(target(), '127.0.0.1');
      const pair = [inner, outer] as const;
      this.#pairs.add(pair);
      for (const [socket, other] of [pair, [outer, inner] as const]) {
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#pairs.delete(pair);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
  }

  static async start(target: () => number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get open(): number {
    return this.#pairs.size;
  }

  /** Ends the connections of now. */
  cut(): void {
    for (const [inner, outer] of this.#pairs) {
      inner.destroy();
      outer.destroy();
    }
  }

  /** The connections of now stay open, and nothing passes any more. */
  silence(): void {
    for (const pair of this.#pairs) {
      for (const socket of pair) {
        socket.unpipe();
        socket.pause();
      }
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
