// A gRPC client that sends and receives bytes, so that a test can say things that no decent client
// would. Answers come with the status as it crossed the wire.
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';

export interface Failure {
  readonly code: number;
  readonly details: string;
}

const same = (bytes: Buffer): Buffer => bytes;

export interface BytesStream {
  send(bytes: Uint8Array): void;
  /** The next message; rejects when the stream ends first. */
  next(): Promise<Buffer>;
  /** Whether a message waits to be taken. */
  readonly waiting: number;
  /** No more requests. */
  halfClose(): void;
  cancel(): void;
  readonly ended: Promise<Failure>;
  pause(): void;
  resume(): void;
}

export class BytesClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
  }

  call(path: string, message: Uint8Array, headers: Record<string, string> = {}): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const metadata = metadataOf(headers);
      const bytes = Buffer.from(message);
      this.#client.makeUnaryRequest(path, same, same, bytes, metadata, (error, answer) => {
        if (error !== null) reject(error);
        else if (answer !== undefined) resolve(answer);
        else reject(new Error('neither an answer nor an error'));
      });
    });
  }

  /** The status that a call fails with. */
  async failure(path: string, message: Uint8Array, headers = {}): Promise<Failure> {
    try {
      await this.call(path, message, headers);
    } catch (error) {
      const { code, details } = error as ServiceError;
      return { code, details };
    }
    throw new Error('the call succeeded');
  }

  stream(path: string, headers: Record<string, string> = {}): BytesStream {
    const call = this.#client.makeBidiStreamRequest(path, same, same, metadataOf(headers));
    const messages: Buffer[] = [];
    let taker: { resolve: (bytes: Buffer) => void; reject: (error: Error) => void } | undefined;
    call.on('data', (bytes: Buffer) => {
      if (taker === undefined) messages.push(bytes);
      else taker.resolve(bytes);
      taker = undefined;
    });
    call.on('error', () => {});
    const ended = new Promise<Failure>((resolve) => {
      call.on('status', ({ code, details }) => {
        taker?.reject(new Error(`the stream ended: ${code} ${details}`));
        taker = undefined;
        resolve({ code, details });
      });
    });
    return {
      send: (bytes) => void call.write(Buffer.from(bytes)),
      next: () =>
        new Promise((resolve, reject) => {
          const first = messages.shift();
          if (first === undefined) taker = { resolve, reject };
          else resolve(first);
        }),
      get waiting(): number {
        return messages.length;
      },
      halfClose: () => call.end(),
      cancel: () => call.cancel(),
      ended,
      pause: () => void call.pause(),
      resume: () => void call.resume(),
    };
  }

  close(): void {
    this.#client.close();
  }
}

function metadataOf(headers: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
  return metadata;
}
