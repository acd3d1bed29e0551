import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  Server,
  UntypedHandleCall,
} from '@grpc/grpc-js';
import { streamKind, type StreamKind } from '../../wire/method.js';
import { methodsOf, SERVICE_NAMES } from '../../wire/services.js';
import { RpcCounters, type RpcShape } from '../metrics/rpc-counters.js';
import type { CallGate, GateMethod, ServedBy, UnaryWork } from './call-gate.js';
import { unimplemented } from './status.js';

type Bytes = Uint8Array;

/** Which handler grpc-js is to expect, and the word of the metrics for it. */
const KINDS: Readonly<Record<StreamKind, readonly [type: string, shape: RpcShape]>> = {
  unary: ['unary', 'unary'],
  client: ['clientStream', 'client_stream'],
  server: ['serverStream', 'server_stream'],
  bidi: ['bidi', 'bidi_stream'],
};

/** What names an rpc: a method of the wire room's tables. */
export interface NamedMethod {
  readonly path: string;
}

/**
 * Puts handlers of bytes into a gRPC server, each rpc once, with its counters. Knows every rpc of
 * the interface, so that those without a handler are refused by name and stand in the metrics too.
 */
export class Registrar {
  readonly #server: Server;
  readonly #gate: CallGate;
  readonly #counters = new Map<string, RpcCounters>();
  readonly #shapes = new Map<string, StreamKind>();
  readonly #open = new Set<string>();
  readonly #unary = new Map<string, GateMethod>();

  constructor(server: Server, gate: CallGate) {
    this.#server = server;
    this.#gate = gate;
    for (const service of SERVICE_NAMES) {
      for (const method of methodsOf(service)) {
        const kind = streamKind(method);
        const [, name = '', rpc = ''] = method.path.split('/');
        this.#shapes.set(method.path, kind);
        this.#counters.set(method.path, new RpcCounters(name, rpc, KINDS[kind][1]));
        this.#open.add(method.path);
      }
    }
  }

  get counters(): readonly RpcCounters[] {
    return [...this.#counters.values()];
  }

  countersOf(method: NamedMethod): RpcCounters {
    const counters = this.#counters.get(method.path);
    if (counters === undefined) throw new Error(`no such rpc: ${method.path}`);
    return counters;
  }

  /** A call that is answered with a timeout when it takes too long. */
  unary(method: NamedMethod, work: UnaryWork, servedBy: ServedBy = 'voters'): void {
    this.#registerUnary(method.path, {
      rpc: this.countersOf(method),
      limited: true,
      work,
      servedBy,
    });
  }

  /** A call that may take as long as it needs. */
  patientUnary(method: NamedMethod, work: UnaryWork): void {
    const rpc = this.countersOf(method);
    this.#registerUnary(method.path, { rpc, limited: false, work, servedBy: 'voters' });
  }

  /** How calls with this path are served, for those that come another way than one by one. */
  gateMethodOf(path: string): GateMethod {
    const method = this.#unary.get(path);
    if (method === undefined) throw new Error(`${path} is not served`);
    return method;
  }

  bidi(method: NamedMethod, handler: handleBidiStreamingCall<Bytes, Bytes>): void {
    this.#register(method.path, handler);
  }

  serverStream(method: NamedMethod, handler: handleServerStreamingCall<Bytes, Bytes>): void {
    this.#register(method.path, handler);
  }

  /** Gives every rpc that is left a refusal by name. */
  refuseOthers(): void {
    for (const path of this.#open) {
      const status = unimplemented(path);
      const counters = this.countersOf({ path });
      const count = (): void => {
        counters.started += 1;
        counters.ended(status.code);
      };
      const unary: UntypedHandleCall = (_call: unknown, callback: RefusedCallback) => {
        count();
        callback(status, null);
      };
      const stream: UntypedHandleCall = (call: RefusedStream) => {
        count();
        call.emit('error', status);
      };
      const kind = this.#shapes.get(path);
      this.#register(path, kind === 'unary' || kind === 'client' ? unary : stream);
    }
  }

  #registerUnary(path: string, method: GateMethod): void {
    this.#unary.set(path, method);
    this.#register(path, this.#gate.unary(method));
  }

  #register(path: string, handler: UntypedHandleCall): void {
    const kind = this.#shapes.get(path);
    const added =
      kind !== undefined && this.#server.register(path, handler, same, same, KINDS[kind][0]);
    if (!added) throw new Error(`cannot serve ${path}: unknown, or served already`);
    this.#open.delete(path);
  }
}

type RefusedCallback = (status: ReturnType<typeof unimplemented>, answer: null) => void;
interface RefusedStream {
  emit(event: 'error', status: ReturnType<typeof unimplemented>): boolean;
}

/** Messages cross grpc-js as they are: handlers decode, so that errors get the right status. */
function same(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
