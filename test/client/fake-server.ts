// A gRPC server whose every answer a test decides: it records what clients ask and does as its
// handlers say. Status is answered by itself, because clients ask it when they connect.
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { bytesOnly, type BytesMethod } from '../../src/wire/method.js';
import {
  type AnswerBatch,
  type PipeAnswer,
  type PipeCall,
  PIPE_METHODS,
} from '../../src/wire/pipe.js';
import { PIPE_METHOD_PATHS } from '../../src/wire/pipe-method.js';
import { methodsOf, SERVICE_NAMES, SERVICES } from '../../src/wire/services.js';
import type { WatchResponse, WatchStreamRequest } from '../../src/wire/watch.js';

/** A status to answer with instead of bytes. */
export class Refusal extends Error {
  readonly code: number;
  readonly details: string;

  constructor(code: number, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

export type UnaryHandler = (request: Buffer) => Buffer | Promise<Buffer>;
export type StreamHandler = (stream: ServerDuplexStream<Buffer, Buffer>) => void;

export class FakeServer {
  readonly #unary = new Map<string, UnaryHandler>();
  readonly #streams = new Map<string, StreamHandler>();
  #server = new Server();
  #port = 0;
  /** Paths of the calls that came, Status left out, and pipes where there is none. */
  readonly calls: string[] = [];
  /** Sees what goes with each of these calls that is no stream. */
  onMetadata: (metadata: Readonly<Record<string, unknown>>) => void = () => undefined;

  static async start(): Promise<FakeServer> {
    const fake = new FakeServer();
    fake.onStatus({ leader: HEADER.memberId });
    await fake.listen();
    return fake;
  }

  /** What it says of itself from now on; a leader of 0n is none. */
  onStatus(said: { readonly leader: bigint; readonly isLearner?: boolean }): void {
    const { status } = SERVICES['etcdserverpb.Maintenance'];
    this.onUnary(status.path, () =>
      status.responseSerialize({ header: HEADER, version: '3.7.0', ...said }),
    );
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  onUnary(path: string, handler: UnaryHandler): void {
    this.#unary.set(path, handler);
  }

  onStream(path: string, handler: StreamHandler): void {
    this.#streams.set(path, handler);
  }

  /** What is answered to a call that came through a pipe. */
  async answerOf({ id, method, request }: PipeCall): Promise<PipeAnswer> {
    const [, path = ''] = PIPE_METHOD_PATHS.find(([number]) => number === method) ?? [];
    try {
      const response = await this.#unary.get(path)?.(Buffer.from(request));
      if (response === undefined) throw new Refusal(12, `no ${path}`);
      return { id, response, code: 0, details: '' };
    } catch (error) {
      const { code, details } = error as Refusal;
      return { id, response: new Uint8Array(0), code, details };
    }
  }

  /** Tells clients to go, and does what is under way. */
  drain(): void {
    this.#server.tryShutdown(() => undefined);
  }

  /** As a proxy does whose connection is old: clients are to come back on a new one. */
  endConnections(graceMs: number): void {
    this.#server.drain(`127.0.0.1:${this.#port}`, graceMs);
  }

  /** Resolves when calls of `path` have come so often. */
  async called(path: string, times: number): Promise<void> {
    const untilMs = performance.now() + 20_000;
    while (this.calls.filter((one) => one === path).length < times) {
      if (performance.now() > untilMs) throw new Error(`${path} was not called ${times} times`);
      await new Promise(setImmediate);
    }
  }

  /** Listens, after `stop` on the same port as before. */
  async listen(): Promise<void> {
    this.#server = new Server();
    for (const name of SERVICE_NAMES) {
      for (const method of methodsOf(name)) this.#register(bytesOnly(method));
    }
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(
        `127.0.0.1:${this.#port}`,
        ServerCredentials.createInsecure(),
        (error, port) => {
          if (error === null) resolve(port);
          else reject(error);
        },
      );
    });
  }

  /** Breaks all connections and refuses new ones. */
  stop(): void {
    this.#server.forceShutdown();
  }

  #register(method: BytesMethod): void {
    const { path } = method;
    const { requestDeserialize, responseSerialize } = method;
    if (method.requestStream) {
      const handle = (stream: ServerDuplexStream<Buffer, Buffer>): void => {
        const handler = this.#streams.get(path);
        // Clients ask for a pipe by themselves; it counts for those who have one.
        if (path !== PIPE_METHODS.carry.path || handler !== undefined) this.calls.push(path);
        if (handler === undefined) stream.emit('error', new Refusal(12, `no ${path}`));
        else handler(stream);
      };
      this.#server.register(path, handle, responseSerialize, requestDeserialize, 'bidi');
      return;
    }
    if (method.responseStream) return;
    const handle = (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void => {
      if (!path.endsWith('/Status')) {
        this.calls.push(path);
        this.onMetadata(call.metadata.getMap());
      }
      void this.#answer(path, call.request, answer);
    };
    this.#server.register(path, handle, responseSerialize, requestDeserialize, 'unary');
  }

  async #answer(path: string, request: Buffer, answer: sendUnaryData<Buffer>): Promise<void> {
    try {
      const handler = this.#unary.get(path);
      if (handler === undefined) throw new Refusal(12, `no ${path}`);
      answer(null, await handler(request));
    } catch (error) {
      answer(error as Refusal);
    }
  }
}

export const HEADER = { clusterId: 1n, memberId: 2n, revision: 10n, raftTerm: 3n };

/** The server's end of a watch stream: what the client asked, and ways to answer. */
export class FakeWatch {
  readonly #stream: ServerDuplexStream<Buffer, Buffer>;
  readonly #requests: WatchStreamRequest[] = [];
  readonly #waiting: ((request: WatchStreamRequest) => void)[] = [];
  readonly metadata: Readonly<Record<string, unknown>>;

  constructor(stream: ServerDuplexStream<Buffer, Buffer>) {
    const { watch } = SERVICES['etcdserverpb.Watch'];
    this.#stream = stream;
    this.metadata = stream.metadata.getMap();
    // A broken connection is part of most tests.
    stream.on('error', () => undefined);
    stream.on('data', (bytes: Buffer) => {
      const request = watch.requestDeserialize(bytes);
      const taker = this.#waiting.shift();
      if (taker === undefined) this.#requests.push(request);
      else taker(request);
    });
  }

  /** The next thing that the client asks. */
  request(): Promise<WatchStreamRequest> {
    const known = this.#requests.shift();
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** The revision at which the client asks to start. */
  async startRevision(): Promise<number | undefined> {
    const request = await this.request();
    return request.kind === 'create' ? request.request.startRevision : undefined;
  }

  send(revision: number, response: Omit<WatchResponse, 'header'>): void {
    const { watch } = SERVICES['etcdserverpb.Watch'];
    const header = { clusterId: 1n, memberId: 2n, revision, raftTerm: 3 };
    this.#stream.write(watch.responseSerialize({ header, ...response }));
  }

  break(code = 14, details = 'broken by the test'): void {
    this.#stream.emit('error', new Refusal(code, details));
  }
}

/** The watch streams that clients open on `server`, one after the other. */
export function watchStreams(server: FakeServer): () => Promise<FakeWatch> {
  const opened: FakeWatch[] = [];
  const waiting: ((stream: FakeWatch) => void)[] = [];
  server.onStream(SERVICES['etcdserverpb.Watch'].watch.path, (stream) => {
    const watch = new FakeWatch(stream);
    const taker = waiting.shift();
    if (taker === undefined) opened.push(watch);
    else taker(watch);
  });
  return () => {
    const known = opened.shift();
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  };
}

/** The server's end of a pipe: what the client calls, in its order, and ways to answer. */
export class FakePipe {
  readonly #stream: ServerDuplexStream<Buffer, Buffer>;
  readonly #calls: PipeCall[] = [];
  readonly #waiting: ((call: PipeCall) => void)[] = [];
  /** Calls that came in each message. */
  readonly sizes: number[] = [];
  /** The client says nothing more. */
  readonly ended: Promise<void>;
  /** It does not listen any more either. */
  readonly canceled: Promise<void>;
  isCanceled = false;

  constructor(stream: ServerDuplexStream<Buffer, Buffer>) {
    this.#stream = stream;
    stream.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      stream.on('end', resolve);
    });
    this.canceled = new Promise((resolve) => {
      stream.on('cancelled', () => {
        this.isCanceled = true;
        resolve();
      });
    });
    stream.on('data', (bytes: Buffer) => {
      const calls = PIPE_METHODS.carry.requestDeserialize(bytes);
      this.sizes.push(calls.length);
      for (const call of calls) {
        const taker = this.#waiting.shift();
        if (taker === undefined) this.#calls.push(call);
        else taker(call);
      }
    });
  }

  /** The next call. */
  call(): Promise<PipeCall> {
    const known = this.#calls.shift();
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Calls that came and were not taken. */
  get waiting(): number {
    return this.#calls.length;
  }

  open(callsMax = 100): void {
    this.say({ answers: [], callsMax });
  }

  say(batch: AnswerBatch): void {
    this.#stream.write(PIPE_METHODS.carry.responseSerialize(batch));
  }

  answer(...answers: readonly PipeAnswer[]): void {
    this.say({ answers });
  }

  sayBytes(...bytes: readonly number[]): void {
    this.#stream.write(Buffer.from(bytes));
  }

  /** Says that it stops; the last call that it took was this. */
  close(lastCallId: number): void {
    this.say({ answers: [], lastCallId });
  }

  end(): void {
    this.#stream.end();
  }

  break(code = 14, details = 'broken by the test'): void {
    this.#stream.emit('error', new Refusal(code, details));
  }
}

/** The pipes that clients open on `server`, one after the other, each as yet without an opening. */
export function pipesOf(server: FakeServer): () => Promise<FakePipe> {
  const opened: FakePipe[] = [];
  const waiting: ((pipe: FakePipe) => void)[] = [];
  server.onStream(PIPE_METHODS.carry.path, (stream) => {
    const pipe = new FakePipe(stream);
    const taker = waiting.shift();
    if (taker === undefined) opened.push(pipe);
    else taker(pipe);
  });
  return () => {
    const known = opened.shift();
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  };
}

/** Serves pipes on `server` with its handlers. @returns the calls that came through them; grows */
export function servePipes(server: FakeServer): readonly PipeCall[] {
  const calls: PipeCall[] = [];
  const next = pipesOf(server);
  const serve = async (pipe: FakePipe): Promise<never> => {
    pipe.open();
    void pipe.ended.then(() => pipe.end());
    for (;;) {
      const call = await pipe.call();
      calls.push(call);
      void server.answerOf(call).then((answer) => pipe.answer(answer));
    }
  };
  const accept = (pipe: FakePipe): void => {
    void serve(pipe);
    void next().then(accept);
  };
  void next().then(accept);
  return calls;
}
