import type { Violation } from './history.js';

const VIOLATIONS_MAX = 20;

/**
 * Collects what was found, at most a few of each property: the first ones tell what is wrong, and a
 * broken run would have thousands.
 */
export class Report {
  readonly violations: Violation[] = [];
  readonly #counts = new Map<string, number>();
  readonly #max: number;

  constructor(max: number = VIOLATIONS_MAX) {
    this.#max = max;
  }

  add(property: string, message: string, atMs?: number): void {
    const count = this.#counts.get(property) ?? 0;
    this.#counts.set(property, count + 1);
    if (count < this.#max) this.violations.push({ property, message, atMs });
  }
}
