import type { Clock } from '../ports/clock.js';
import type { PipeAnswer } from '../wire/pipe.js';

/** Who hears of the answers. */
export interface TurnListener {
  tell(answer: PipeAnswer): void;
  /** Answers that had to wait for their turn have been told. Not said by `add` and `finish`. */
  turnOver(): void;
}

/** Fewer answers than this are told at once, */
const TURN_MIN = 16;
/** and so are those with which the application is done this soon: a message more costs as much. */
const TURN_WORTH_MS = 1;
/** And where fewer than this part of all calls are answered, the server has work in any case. */
const TURN_SHARE = 0.75;

const NONE: readonly PipeAnswer[] = [];

/**
 * Answers that have arrived, on their way to who waits for them. When all calls that are under way
 * are answered by one message, those who waited make their next calls at the same moment, and then
 * the server works while the application waits, and the other way round. So where the application
 * takes long, such answers are told in two turns: what the first half of them calls for
 * is sent before the other half hears anything, and from then on both ends have work at the same
 * time. No answer is told twice, and the order is kept.
 */
export class ToldInTurns {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #listener: TurnListener;
  /** Of one message or several, until all of them have been told. */
  #arrived: readonly PipeAnswer[] = NONE;
  #toldCount = 0;
  /** How many are told in one turn. */
  #turnSize = 0;
  /** Comes when everybody who was told has done what came of it. */
  #after: NodeJS.Immediate | undefined;
  #turnStartedMs = 0;
  #toldInTurn = 0;
  /** How long an answer kept the application busy lately. */
  #msPerAnswer = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, listener: TurnListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** @param underWay - Calls without an answer, before these were told. */
  add(answers: readonly PipeAnswer[], underWay: number): void {
    if (this.#toldCount < this.#arrived.length) {
      // What came before these has its turn first. Half of all is told in each turn from now on, so
      // that nobody waits for more than two, however many come behind a few.
      this.#arrived = [...this.#arrived.slice(this.#toldCount), ...answers];
      this.#toldCount = 0;
      this.#turnSize = Math.max(this.#turnSize, Math.ceil(this.#arrived.length / 2));
      return;
    }
    this.#arrived = answers;
    this.#toldCount = 0;
    const { length } = answers;
    const isCrowd = length >= TURN_MIN;
    const isAll = length >= underWay * TURN_SHARE;
    const isWorthIt = isCrowd && isAll && this.#msPerAnswer * length > TURN_WORTH_MS;
    this.#turnSize = isWorthIt ? Math.ceil(length / 2) : length;
    if (isCrowd) this.#lookAfterwards();
    this.#tellSome(this.#turnSize);
  }

  /** Tells at once what is left. @returns whether there was any */
  finish(): boolean {
    const isAny = this.#toldCount < this.#arrived.length;
    if (isAny) this.#tellSome(this.#arrived.length);
    return isAny;
  }

  #tellSome(count: number): void {
    const end = this.#toldCount + count;
    try {
      // Whoever is told may bring all of this to an end, and so finish what is begun here.
      while (this.#toldCount < Math.min(end, this.#arrived.length)) {
        this.#toldInTurn += 1;
        this.#listener.tell(this.#arrived[this.#toldCount++] as PipeAnswer);
      }
    } finally {
      // Also when one of them throws: the others wait for their answers all the same.
      if (this.#toldCount < this.#arrived.length) this.#lookAfterwards();
      else this.#forgetTold();
    }
  }

  /** Answers may be large, and the next ones may not come for long. */
  #forgetTold(): void {
    this.#arrived = NONE;
    this.#toldCount = 0;
  }

  #lookAfterwards(): void {
    if (this.#after !== undefined) return;
    this.#turnStartedMs = this.#clock.monotonic();
    this.#toldInTurn = 0;
    this.#after = setImmediate(() => {
      this.#after = undefined;
      const tookMs = this.#clock.monotonic() - this.#turnStartedMs;
      this.#msPerAnswer = tookMs / Math.max(1, this.#toldInTurn);
      if (this.#toldCount === this.#arrived.length) return;
      this.#lookAfterwards();
      this.#tellSome(this.#turnSize);
      this.#listener.turnOver();
    });
  }
}
