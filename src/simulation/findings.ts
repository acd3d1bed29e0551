import type { Violation } from './check/history.js';

/** Findings that are kept; more of them tell nothing new. */
const KEPT_MAX = 20;

/**
 * The broken promises that a run has shown so far.
 *
 * @example
 * for (const violation of world.findings.violations) console.log(violation);
 */
export class Findings {
  readonly #nowMs: () => number;
  readonly #violations: Violation[] = [];
  #announce: () => void = () => undefined;
  /** Resolves at the first broken promise. */
  readonly found: Promise<void>;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.found = new Promise((resolve) => {
      this.#announce = resolve;
    });
  }

  get nowMs(): number {
    return this.#nowMs();
  }

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** Notes a broken promise, as of now. */
  report(property: string, message: string): void {
    this.add({ property, message, atMs: this.#nowMs() });
  }

  add(violation: Violation): void {
    this.#announce();
    if (this.#violations.length < KEPT_MAX) this.#violations.push(violation);
  }
}
