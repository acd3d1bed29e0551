/**
 * Small questions from one member to another, with one answer each. A call is sent once and waits
 * for a limited time: who asks must know whether asking again is safe. A handler runs once for a
 * call, also when its frame comes twice.
 */
import type { Clock, Timer } from '../../ports/clock.js';
import { LIMITS, StoreError } from '../../store/index.js';
import { type Answer, type Call, writeAnswer, writeCall } from '../codec/peer-body.js';

/** @returns the body of the answer. @throws StoreError, which the caller gets as it is */
export type PeerCallHandler = (from: bigint, body: Uint8Array) => Promise<Uint8Array>;

export interface PeerCallsOptions {
  readonly clock: Clock;
  readonly startNonce: bigint;
  readonly sendCall: (to: bigint, body: Uint8Array) => void;
  readonly sendAnswer: (to: bigint, body: Uint8Array) => void;
}

interface Waiting {
  readonly to: bigint;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: StoreError) => void;
  readonly timer: Timer;
}

/** Calls of one start of a member that were seen. */
interface Seen {
  readonly startNonce: bigint;
  readonly ids: Set<number>;
  newest: number;
}

export class PeerCalls {
  readonly #options: PeerCallsOptions;
  readonly #handlers = new Map<string, PeerCallHandler>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #seen = new Map<bigint, Seen>();
  #idLast = 0;
  #closed: StoreError | undefined;

  constructor(options: PeerCallsOptions) {
    this.#options = options;
  }

  /** Answers the calls of this name. @throws Error when somebody does so already */
  handle(name: string, handler: PeerCallHandler): void {
    if (this.#handlers.has(name)) throw new Error(`calls of ${name} are answered already`);
    this.#handlers.set(name, handler);
  }

  /**
   * @throws StoreError what the handler threw; `Timeout` when no answer came, and then nobody knows
   * whether the handler ran; `TooManyRequests`, `Stopped`
   */
  call(to: bigint, name: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#waiting.size >= LIMITS.peerCalls) {
      return Promise.reject(new StoreError('TooManyRequests'));
    }
    const id = ++this.#idLast;
    const answered = new Promise<Uint8Array>((resolve, reject) => {
      const timer = this.#options.clock.timer(timeoutMs, () => {
        this.#waiting.delete(id);
        reject(new StoreError('Timeout'));
      });
      this.#waiting.set(id, { to, resolve, reject, timer });
    });
    this.#options.sendCall(to, writeCall({ id, name, body }));
    return answered;
  }

  /** A call of another member. */
  receive(from: bigint, startNonce: bigint, call: Call): void {
    if (this.#closed !== undefined || !this.#isNew(from, startNonce, call.id)) return;
    const handler = this.#handlers.get(call.name);
    const { id } = call;
    const answer = (rest: Body): void => {
      if (this.#closed !== undefined) return;
      this.#options.sendAnswer(from, writeAnswer({ id, startNonce, ...rest }));
    };
    const run = handler?.(from, call.body) ?? Promise.reject(new StoreError('Unimplemented'));
    run.then(
      (body) => answer({ ok: true, body }),
      (error: unknown) => answer({ ok: false, error: asStoreError(error) }),
    );
  }

  /** The answer of another member; one that nobody waits for is dropped. */
  answered(from: bigint, answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined || waiting.to !== from) return;
    if (answer.startNonce !== this.#options.startNonce) return;
    this.#waiting.delete(answer.id);
    waiting.timer.cancel();
    if (answer.ok) waiting.resolve(answer.body);
    else waiting.reject(answer.error);
  }

  close(error: StoreError): void {
    this.#closed ??= error;
    for (const { timer, reject } of this.#waiting.values()) {
      timer.cancel();
      reject(error);
    }
    this.#waiting.clear();
  }

  #isNew(from: bigint, startNonce: bigint, id: number): boolean {
    let seen = this.#seen.get(from);
    if (seen?.startNonce !== startNonce) {
      seen = { startNonce, ids: new Set(), newest: 0 };
      this.#seen.set(from, seen);
    }
    // What is so far behind is a very late copy.
    if (id <= seen.newest - LIMITS.peerCallMemory || seen.ids.has(id)) return false;
    seen.ids.add(id);
    seen.newest = Math.max(seen.newest, id);
    for (const old of seen.ids) {
      if (old > seen.newest - LIMITS.peerCallMemory) break;
      seen.ids.delete(old);
    }
    return true;
  }
}

type Body =
  | { readonly ok: true; readonly body: Uint8Array }
  | { readonly ok: false; readonly error: StoreError };

function asStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError('Unknown', error instanceof Error ? error.message : String(error));
}
