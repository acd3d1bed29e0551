import { Client, credentials } from '@grpc/grpc-js';
import { toBytes } from '../../src/store/index.js';
import { encodePutRequest } from '../../src/wire/kv.js';
import { KV_METHODS } from '../../src/wire/kv-methods.js';

/**
 * Finds the moment from which on a cluster takes writes. It sends a new put to each of some members
 * every few milliseconds and waits for no answer before it sends the next, so that no time limit
 * and no back-off of a client, nor a put that was lost with a leader, is measured in place of the
 * cluster. Its connections are there before.
 */

const EVERY_MS = 10;
const WITHIN_MS = 60_000;

export class WriteProbe {
  readonly #clients: readonly Client[];
  #count = 0;

  private constructor(clients: readonly Client[]) {
    this.#clients = clients;
  }

  /** Connects to the members at `ports` of this machine. */
  static async open(ports: readonly number[]): Promise<WriteProbe> {
    const clients = ports.map(
      (port) => new Client(`127.0.0.1:${port}`, credentials.createInsecure()),
    );
    await Promise.all(clients.map(connected));
    return new WriteProbe(clients);
  }

  /**
   * Resolves when a put that was sent from now on is acknowledged, by whichever member. Ends the
   * probe.
   * @throws Error when that takes too long
   */
  async firstWrite(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let deadline: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const sendAll = (): void => {
          for (const client of this.#clients) this.#put(client, resolve);
        };
        timer = setInterval(sendAll, EVERY_MS);
        deadline = setTimeout(() => reject(new Error('no write was acknowledged')), WITHIN_MS);
        sendAll();
      });
    } finally {
      clearInterval(timer);
      clearTimeout(deadline);
      this.close();
    }
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  #put(client: Client, acknowledged: () => void): void {
    this.#count += 1;
    const key = toBytes(`bench/write-${this.#count}`);
    const request = encodePutRequest({ key, value: key });
    const same = (bytes: Buffer): Buffer => bytes;
    const deadline = Date.now() + WITHIN_MS;
    client
      .makeUnaryRequest(KV_METHODS.put.path, same, same, request, { deadline }, (error) => {
        // A put that failed is no write; the next one tells more.
        if (error === null) acknowledged();
      })
      .on('error', () => {});
  }
}

function connected(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + WITHIN_MS, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
}
