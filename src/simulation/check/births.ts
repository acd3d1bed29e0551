import type { Writer } from './unclaimed.js';

/**
 * The earliest time at which each revision can have been made: when the last call that made it, or
 * one before it, was sent.
 */
export class Births {
  readonly #earliestMs: Float64Array;

  constructor(writers: readonly (Writer | undefined)[], lastRevision: number) {
    this.#earliestMs = new Float64Array(lastRevision + 1);
    let earliestMs = 0;
    for (let revision = 2; revision <= lastRevision; revision++) {
      const writer = writers[revision];
      if (writer?.kind === 'operation') {
        earliestMs = Math.max(earliestMs, writer.operation.invokedMs);
      }
      this.#earliestMs[revision] = earliestMs;
    }
  }

  earliestMs(revision: number): number {
    return this.#earliestMs[revision] ?? Number.POSITIVE_INFINITY;
  }

  /** The highest revision that can have existed by `atMs`. */
  ceilingAt(atMs: number): number {
    let low = 1;
    let high = this.#earliestMs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#earliestMs[middle] as number) <= atMs) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
