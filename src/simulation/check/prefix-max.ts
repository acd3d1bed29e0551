/** Points in time or in history, and the greatest value that any of them had up to some place. */
export class PrefixMax {
  readonly #at: Float64Array;
  readonly #max: Float64Array;

  /** @param points places with their values, in any order */
  constructor(points: readonly (readonly [number, number])[]) {
    const sorted = points.toSorted((a, b) => a[0] - b[0]);
    this.#at = Float64Array.from(sorted, (point) => point[0]);
    let max = Number.NEGATIVE_INFINITY;
    this.#max = Float64Array.from(sorted, (point) => (max = Math.max(max, point[1])));
  }

  /** The greatest value of the places below `place`; undefined when there is none. */
  before(place: number): number | undefined {
    let low = 0;
    let high = this.#at.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#at[middle] as number) < place) low = middle + 1;
      else high = middle;
    }
    return this.#max[low - 1];
  }

  /** The same with `place` itself. */
  upTo(place: number): number | undefined {
    let low = 0;
    let high = this.#at.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#at[middle] as number) <= place) low = middle + 1;
      else high = middle;
    }
    return this.#max[low - 1];
  }
}
