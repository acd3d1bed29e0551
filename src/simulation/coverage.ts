/** Which faults met which states of the cluster in a run, and how often. */
export class Coverage {
  readonly #counts = new Map<string, number>();

  /** A fault happens now, with the cluster in these states. */
  met(fault: string, states: readonly string[]): void {
    for (const state of states) {
      const pair = `${fault} x ${state}`;
      this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + 1);
    }
  }

  /** Pairs of fault and state with their counts, sorted by name. */
  get pairs(): readonly (readonly [pair: string, count: number])[] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
