import type { Violation } from './check/history.js';

/** Findings that are kept; more of them tell nothing new. */
const KEPT_MAX = 20;

/** The broken promises that a run has shown so far. */
export class Findings {
  readonly #nowMs: () => number;
  readonly #violations: Violation[] = [];

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** Notes a broken promise, as of now. */
  report(property: string, message: string): void {
    this.add({ property, message, atMs: this.#nowMs() });
  }

  add(violation: Violation): void {
    if (this.#violations.length < KEPT_MAX) this.#violations.push(violation);
  }
}
