/**
 * Payloads on their way from this member to the leader of one term, in order and each once: they
 * are numbered 1, 2, 3 in that term, and the leader takes a number only after the one before it. So
 * sending one again, or a frame that comes twice or late, does no harm. What the leader took is
 * settled by the log alone; nothing here tells anybody that a proposal succeeded.
 */
import { LIMITS } from '../../store/index.js';
import { type Taken, writeForward } from '../codec/peer-body.js';

export class ForwardSender {
  readonly #send: (leader: bigint, body: Uint8Array) => void;
  #term = 0;
  #leader = 0n;
  /** Payloads that the leader has not taken, by their numbers from `#first` on. */
  #waiting: Uint8Array[] = [];
  #first = 1;
  #sentAgainFrom = 0;

  constructor(send: (leader: bigint, body: Uint8Array) => void) {
    this.#send = send;
  }

  /** From now on to `leader` in `term`; what waited for another one is forgotten here. */
  follow(leader: bigint, term: number): void {
    if (leader === this.#leader && term === this.#term) return;
    if (term !== this.#term) {
      this.#term = term;
      this.#waiting = [];
      this.#first = 1;
    }
    this.#leader = leader;
  }

  /** Whether another payload may leave now. */
  get hasRoom(): boolean {
    return this.#leader !== 0n && this.#waiting.length < LIMITS.forwardFrames;
  }

  push(payload: Uint8Array): void {
    this.#waiting.push(payload);
    this.#transmit(this.#waiting.length - 1);
  }

  /** @returns whether that was news */
  taken({ term, sequence }: Taken): boolean {
    if (term !== this.#term) return false;
    const count = sequence - this.#first + 1;
    if (count <= 0 || count > this.#waiting.length) return false;
    this.#waiting.splice(0, count);
    this.#first += count;
    return true;
  }

  /** Once each heartbeat: what has waited for a whole one is sent again. */
  tick(): void {
    if (this.#waiting.length > 0 && this.#sentAgainFrom === this.#first) {
      for (let at = 0; at < this.#waiting.length; at++) this.#transmit(at);
    }
    this.#sentAgainFrom = this.#first;
  }

  #transmit(at: number): void {
    const payload = this.#waiting[at];
    if (payload === undefined || this.#leader === 0n) return;
    const forward = { term: this.#term, sequence: this.#first + at, payload };
    this.#send(this.#leader, writeForward(forward));
  }
}
