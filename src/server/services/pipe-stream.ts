import { EMPTY_BYTES, LIMITS } from '../../store/index.js';
import { GRPC_STATUS, type WireStatus } from '../../wire/errors.js';
import {
  decodeCallBatch,
  encodeAnswerBatch,
  type PipeAnswer,
  type PipeCall,
} from '../../wire/pipe.js';
import type { CallGate, GateCall, GateMethod } from './call-gate.js';
import { StatusError } from './status.js';

export interface PipeStreamOptions {
  readonly gate: Pick<CallGate, 'take'>;
  /** What the pipe carries, by number. */
  readonly methods: ReadonlyMap<number, GateMethod>;
  /** Sends a message. False when the client reads too slowly, until `drained` is called. */
  readonly write: (message: Uint8Array) => boolean;
  /** Told with true that no more messages should be read, with false that they should again. */
  readonly hold: (held: boolean) => void;
  /** Everything that will ever be said on the stream has been said. */
  readonly done: () => void;
  /** Runs `flush` once, as soon as what is being done is done. */
  readonly soon: (flush: () => void) => void;
}

/**
 * The server's end of one pipe: takes calls apart, hands each to the gate as if it had come by
 * itself, and puts the answers that are ready together into one message. The client is not read
 * from while it does not take its answers; one that has more calls waiting than it was told that it
 * may is shown the door, for it does not count.
 */
export class PipeStream {
  readonly #options: PipeStreamOptions;
  /** Ready and not sent. */
  #answers: PipeAnswer[] = [];
  #answerBytes = 0;
  #flushing = false;
  /** Calls that were taken and have no answer yet. */
  #waiting = 0;
  #lastId = 0;
  #held = false;
  /** No more calls are taken. */
  #closing = false;
  /** The stream is gone; there is nobody to tell anything. */
  #gone = false;

  constructor(options: PipeStreamOptions) {
    this.#options = options;
    this.#write(encodeAnswerBatch({ answers: [], callsMax: LIMITS.pipeCalls }));
  }

  /**
   * A message of the client.
   * @throws WireError, StatusError when it is none, has too many calls, or breaks the order of ids
   */
  receive(message: Uint8Array): void {
    if (this.#closing) return;
    const calls = decodeCallBatch(message);
    if (this.#waiting + calls.length > LIMITS.pipeCalls) {
      const details = `more than ${LIMITS.pipeCalls} calls of a pipe without an answer`;
      throw new StatusError(GRPC_STATUS.RESOURCE_EXHAUSTED, details);
    }
    for (const call of calls) {
      if (call.id <= this.#lastId) {
        const details = `call ${call.id} came after call ${this.#lastId}: ids of a pipe must grow`;
        throw new StatusError(GRPC_STATUS.INVALID_ARGUMENT, details);
      }
      if (call.id > Number.MAX_SAFE_INTEGER) {
        const details = `call ${call.id}: ids of a pipe are less than 2^53`;
        throw new StatusError(GRPC_STATUS.INVALID_ARGUMENT, details);
      }
      this.#lastId = call.id;
      this.#waiting += 1;
      this.#take(call);
    }
  }

  /** The client has room again. */
  drained(): void {
    if (!this.#held || this.#gone) return;
    this.#held = false;
    this.#options.hold(false);
  }

  /** Takes no more calls, tells the client so, and is done when all have their answers. */
  stop(): void {
    if (this.#closing || this.#gone) return;
    this.#flush();
    this.#write(encodeAnswerBatch({ answers: [], lastCallId: this.#lastId }));
    this.finish();
  }

  /** The client has said all that it wanted to say. */
  finish(): void {
    this.#closing = true;
    if (this.#waiting === 0) this.#finished();
  }

  /** The stream has ended; answers that come now are dropped. */
  end(): void {
    this.#gone = true;
    this.#closing = true;
    this.#answers = [];
  }

  #take({ id, method, request, needsLeader }: PipeCall): void {
    const served = this.#options.methods.get(method);
    const reply = (status: WireStatus | null, answer: Uint8Array | null): void => {
      const response = answer ?? EMPTY_BYTES;
      this.#answer({ id, response, code: status?.code ?? 0, details: status?.details ?? '' });
    };
    if (served === undefined) {
      const details = `unknown method ${method} in a pipe`;
      reply({ code: GRPC_STATUS.UNIMPLEMENTED, details }, null);
    } else this.#options.gate.take(served, this.#callWith(request), needsLeader, reply);
  }

  /**
   * What a pipe carries cannot be stopped half-way, so nobody is told of a client that has gone.
   */
  #callWith(request: Uint8Array): GateCall {
    const isGone = (): boolean => this.#gone;
    return {
      request,
      get cancelled() {
        return isGone();
      },
      on: () => undefined,
    };
  }

  #answer(answer: PipeAnswer): void {
    this.#waiting -= 1;
    if (this.#gone) return;
    this.#answers.push(answer);
    this.#answerBytes += answer.response.length + answer.details.length;
    if (this.#answerBytes >= LIMITS.pipeMessageBytes) this.#flush();
    else if (!this.#flushing) {
      this.#flushing = true;
      this.#options.soon(() => {
        this.#flushing = false;
        this.#flush();
      });
    }
  }

  #flush(): void {
    if (this.#answers.length > 0 && !this.#gone) {
      const answers = this.#answers;
      this.#answers = [];
      this.#answerBytes = 0;
      this.#write(encodeAnswerBatch({ answers }));
    }
    if (this.#closing && this.#waiting === 0) this.#finished();
  }

  #finished(): void {
    if (this.#gone || this.#answers.length > 0) return;
    this.#gone = true;
    this.#options.done();
  }

  #write(message: Uint8Array): void {
    if (this.#options.write(message) || this.#held) return;
    this.#held = true;
    this.#options.hold(true);
  }
}
