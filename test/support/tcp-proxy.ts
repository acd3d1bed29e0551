/**
 * A TCP proxy that a test puts in front of an address, to do to its connections what networks do:
 * refuse, go silent in one or both directions, delay, slow down, reset. Rules are per source, where
 * the test can tell who connects. It reads nothing of what it passes on, and never reorders it.
 */
import { once } from 'node:events';
import {
  type AddressInfo,
  createServer,
  connect as dial,
  type Server,
  type Socket,
} from 'node:net';

/** What happens to connections of one source. */
export interface WireRule {
  /** Open connections are reset and new ones too. */
  readonly refused: boolean;
  /** Bytes in these directions wait, as if every packet were lost; they come when the rule goes. */
  readonly holdToTarget: boolean;
  readonly holdToSource: boolean;
  /** Added to each direction. */
  readonly delayMs: number;
  /** In each direction of each connection. */
  readonly bytesPerSecond: number;
}

export const CLEAR: WireRule = {
  refused: false,
  holdToTarget: false,
  holdToSource: false,
  delayMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
};
export const REFUSED: WireRule = { ...CLEAR, refused: true };
/** Half-open: connections stay and carry nothing. */
export const SILENT: WireRule = { ...CLEAR, holdToTarget: true, holdToSource: true };

/** Bytes that one direction keeps before its sender has to wait. */
const WAITING_BYTES_MAX = 1_048_576;

interface Waiting {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

interface FlowRule {
  readonly hold: boolean;
  readonly rule: WireRule;
}

/** One direction of one connection. */
class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #waiting: Waiting[] = [];
  readonly #rule: () => FlowRule;
  #waitingBytes = 0;
  #freeAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(from: Socket, to: Socket, rule: () => FlowRule) {
    this.#from = from;
    this.#to = to;
    this.#rule = rule;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => {
      this.#ended = true;
      this.pump();
    });
    to.on('drain', () => this.pump());
  }

  #take(bytes: Buffer): void {
    this.#waiting.push({ bytes, dueMs: performance.now() + this.#rule().rule.delayMs });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > WAITING_BYTES_MAX) this.#from.pause();
    this.pump();
  }

  /** Passes on what may go now. */
  pump(): void {
    clearTimeout(this.#timer);
    for (;;) {
      const { hold, rule } = this.#rule();
      const [next] = this.#waiting;
      if (hold || this.#to.destroyed || this.#to.writableNeedDrain) return;
      if (next === undefined) {
        if (this.#ended) this.#to.end();
        return;
      }
      const waitMs = Math.max(next.dueMs, this.#freeAtMs) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), waitMs).unref();
        return;
      }
      this.#waiting.shift();
      this.#waitingBytes -= next.bytes.length;
      this.#freeAtMs = performance.now() + (next.bytes.length / rule.bytesPerSecond) * 1000;
      this.#to.write(next.bytes);
      if (this.#waitingBytes <= WAITING_BYTES_MAX) this.#from.resume();
    }
  }
}

interface Connection {
  readonly source: string;
  readonly sockets: readonly Socket[];
  readonly flows: readonly Flow[];
}

/** Says who is at the other end of a connection; an empty text for nobody in particular. */
export type Identify = (socket: Socket) => string;

export class TcpProxy {
  readonly #server: Server;
  readonly #identify: Identify;
  readonly #rules = new Map<string, WireRule>();
  readonly #connections = new Set<Connection>();
  #targetPort = 0;
  #everyone: WireRule = CLEAR;

  private constructor(identify: Identify) {
    this.#identify = identify;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(identify: Identify = () => ''): Promise<TcpProxy> {
    const proxy = new TcpProxy(identify);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Where connections lead from now on, on 127.0.0.1; 0 for nowhere. */
  set targetPort(port: number) {
    this.#targetPort = port;
  }

  /** The number of open connections, of one source or of all. */
  connectionCount(source?: string): number {
    return this.#of(source).length;
  }

  /** Sets what happens to `source`; undefined means everyone who has no rule of their own. */
  setRule(source: string | undefined, rule: WireRule): void {
    if (source === undefined) this.#everyone = rule;
    else this.#rules.set(source, rule);
    for (const connection of [...this.#connections]) {
      if (this.#ruleOf(connection.source).refused) reset(connection);
      else for (const flow of connection.flows) flow.pump();
    }
  }

  /** Everything passes again. */
  clear(): void {
    this.#rules.clear();
    this.setRule(undefined, CLEAR);
  }

  /** Resets the open connections, once. */
  reset(source?: string): void {
    for (const connection of this.#of(source)) reset(connection);
  }

  async close(): Promise<void> {
    this.reset();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #of(source: string | undefined): readonly Connection[] {
    return [...this.#connections].filter((one) => source === undefined || one.source === source);
  }

  #ruleOf(source: string): WireRule {
    return this.#rules.get(source) ?? this.#everyone;
  }

  #accept(socket: Socket): void {
    const source = this.#identify(socket);
    if (this.#targetPort === 0 || this.#ruleOf(source).refused) {
      socket.on('error', () => undefined);
      socket.resetAndDestroy();
      return;
    }
    const target = dial({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true });
    const rule = (): WireRule => this.#ruleOf(source);
    const there = new Flow(socket, target, () => ({ hold: rule().holdToTarget, rule: rule() }));
    const back = new Flow(target, socket, () => ({ hold: rule().holdToSource, rule: rule() }));
    const connection = { source, sockets: [socket, target], flows: [there, back] };
    this.#connections.add(connection);
    for (const one of connection.sockets) {
      one.setNoDelay(true);
      // Both ends share one fate; which of them failed, and how, is of no interest here.
      one.on('error', () => reset(connection));
      one.on('close', () => {
        this.#connections.delete(connection);
        reset(connection);
      });
    }
  }
}

function reset(connection: Connection): void {
  for (const socket of connection.sockets) {
    if (socket.destroyed) continue;
    // Node cannot reset a socket that is saying its end: it would stay open for ever.
    if (socket.writableEnded) socket.destroy();
    else socket.resetAndDestroy();
  }
}
