/**
 * What happened in a run, as one number and, when somebody wants to read it, as lines. Every event,
 * message and answer goes into the number, so two runs with the same number did the same; the lines
 * are made only when there is a reader, and making them changes nothing.
 */
export class RunTrace {
  readonly #tell: ((line: string) => void) | undefined;
  readonly #nowMs: () => number;
  readonly #words = new Map<string, number>();
  #low = 0x2545f491;
  #high = 0x9e3779b9 | 0;
  #count = 0;

  /** @param tell - Receives a line for each event that has words */
  constructor(nowMs: () => number, tell: ((line: string) => void) | undefined) {
    this.#nowMs = nowMs;
    this.#tell = tell;
  }

  /** Whether lines are wanted; ask before making an expensive one. */
  get isTold(): boolean {
    return this.#tell !== undefined;
  }

  /** Events that went into the number. */
  get count(): number {
    return this.#count;
  }

  /** Sixteen hexadecimal digits for everything so far. */
  get hash(): string {
    const hex = (part: number): string => (part >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }

  /** Something happened now: `what` it was, and numbers that tell it from others of its kind. */
  note(what: string, a = 0, b = 0, c = 0): void {
    this.#count++;
    this.#mix(this.#wordOf(what));
    this.#mixNumber(this.#nowMs() * 1024);
    this.#mixNumber(a);
    this.#mixNumber(b);
    this.#mixNumber(c);
  }

  /** A line for the reader. */
  tell(line: string): void {
    this.#tell?.(`${this.#nowMs().toFixed(1).padStart(10)} ${line}`);
  }

  #wordOf(what: string): number {
    let word = this.#words.get(what);
    if (word === undefined) {
      word = 0x811c9dc5;
      for (let i = 0; i < what.length; i++) word = Math.imul(word ^ what.charCodeAt(i), 0x01000193);
      this.#words.set(what, word);
    }
    return word;
  }

  #mixNumber(value: number): void {
    const whole = Math.floor(value);
    this.#mix(whole | 0);
    this.#mix(Math.floor(whole / 2 ** 32) | 0);
  }

  #mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x85ebca6b);
    this.#low ^= this.#low >>> 15;
    this.#high = (Math.imul(this.#high, 0x27d4eb2f) + this.#low) | 0;
    this.#high ^= this.#high >>> 13;
  }
}
