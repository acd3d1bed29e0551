/**
 * Payloads that other members forwarded to this one, while it leads. Of each start of a member it
 * takes number n + 1 only after number n, and only in the term that the sender named; so a payload
 * is in the log of a term once at most. Whether it is there for good, the sender learns from its
 * own log.
 */
import { LIMITS } from '../../store/index.js';
import { CodecError } from '../codec/bytes.js';
import { readEntryPayload } from '../codec/entry-payload.js';
import type { Forward, Taken } from '../codec/peer-body.js';

interface Stream {
  readonly from: bigint;
  readonly startNonce: bigint;
  /** In the log. */
  taken: number;
  /** Gathered to go there next. */
  gathered: number;
  /** How often the next one came and could not be read. */
  unreadable: number;
  mustAnswer: boolean;
}

export interface ForwardReceiverOptions {
  /** Puts payloads into the log; false when it takes none now. */
  readonly propose: (payloads: readonly Uint8Array[]) => boolean;
  readonly answer: (to: bigint, taken: Taken) => void;
}

export class ForwardReceiver {
  readonly #options: ForwardReceiverOptions;
  readonly #streams = new Map<string, Stream>();
  #term = 0;
  #gathered: Uint8Array[] = [];

  constructor(options: ForwardReceiverOptions) {
    this.#options = options;
  }

  /** @param leadingTerm the term that this member leads; undefined when it leads none */
  receive(
    from: bigint,
    startNonce: bigint,
    forward: Forward,
    leadingTerm: number | undefined,
  ): void {
    if (leadingTerm === undefined || forward.term !== leadingTerm) return;
    this.#enter(leadingTerm);
    const stream = this.#streamOf(from, startNonce);
    if (stream === undefined) return;
    stream.mustAnswer = true;
    if (forward.sequence !== stream.gathered + 1) return;
    if (isReadable(forward.payload)) this.#gathered.push(forward.payload);
    else if (++stream.unreadable < LIMITS.forwardTries) return;
    // Passed over, it is never in the log of this term: its callers hear of it in their own time,
    // and what comes behind it does not wait for it.
    stream.unreadable = 0;
    stream.gathered++;
  }

  /** Puts what was gathered into the log, all in one, and answers whoever sent something. */
  flush(leadingTerm: number | undefined): void {
    if (this.#streams.size === 0) return;
    if (leadingTerm !== this.#term) {
      this.#forget();
      return;
    }
    const accepted = this.#gathered.length === 0 || this.#options.propose(this.#gathered);
    this.#gathered = [];
    for (const stream of this.#streams.values()) {
      if (accepted) stream.taken = stream.gathered;
      else stream.gathered = stream.taken;
      if (!stream.mustAnswer) continue;
      stream.mustAnswer = false;
      const { from, startNonce, taken } = stream;
      this.#options.answer(from, { term: this.#term, sequence: taken, startNonce });
    }
  }

  #enter(term: number): void {
    if (term === this.#term) return;
    this.#forget();
    this.#term = term;
  }

  /** A term that has ended never comes back: what was numbered in it can be forgotten. */
  #forget(): void {
    this.#streams.clear();
    this.#gathered = [];
  }

  #streamOf(from: bigint, startNonce: bigint): Stream | undefined {
    const key = `${from}/${startNonce}`;
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    // Forgetting an older one could take its payloads twice.
    if (this.#streams.size >= LIMITS.forwardStreams) return undefined;
    const counts = { taken: 0, gathered: 0, unreadable: 0 };
    const stream = { from, startNonce, ...counts, mustAnswer: false };
    this.#streams.set(key, stream);
    return stream;
  }
}

/**
 * Whether the payload is one that members can apply. What they cannot would end each of them, at
 * every start: a frame that was damaged on its way, or what only a later release understands.
 */
function isReadable(payload: Uint8Array): boolean {
  try {
    return readEntryPayload(payload).length > 0;
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}
