import { compareBytes, type Interval } from '../../store/index.js';

/** From `start` to before `end`. */
interface Piece {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
}

/**
 * The keys that a growing number of intervals cover together. Adding and asking both take about the
 * logarithm of that number, however the two are mixed: one request can hold a hundred thousand
 * intervals and as many keys, and nobody else is served while it is checked. It never shrinks and
 * does not remember the intervals themselves.
 */
export class IntervalCover {
  /** Disjoint pieces in order, in runs of which each is longer than the next. */
  readonly #runs: (readonly Piece[])[] = [];

  /** Takes an interval in; one with an open end is not for here. */
  add(interval: Interval): void {
    const { start, end } = interval;
    if (end === null) throw new Error('a cover has no open end');
    this.#push([{ start, end: end ?? keyAfter(start) }]);
  }

  /** Takes in what another one covers. */
  addAll(other: IntervalCover): void {
    for (const run of other.#runs) this.#push(run);
  }

  covers(key: Uint8Array): boolean {
    return this.#runs.some((run) => isIn(run, key));
  }

  #push(pieces: readonly Piece[]): void {
    let run = pieces;
    for (;;) {
      const last = this.#runs.at(-1);
      if (last === undefined || last.length > run.length) break;
      this.#runs.pop();
      run = merge(last, run);
    }
    this.#runs.push(run);
  }
}

/** The first key after this one. */
function keyAfter(key: Uint8Array): Uint8Array {
  const after = new Uint8Array(key.length + 1);
  after.set(key);
  return after;
}

function isIn(run: readonly Piece[], key: Uint8Array): boolean {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes((run[middle] as Piece).start, key) <= 0) low = middle + 1;
    else high = middle;
  }
  const piece = run[low - 1];
  return piece !== undefined && compareBytes(key, piece.end) < 0;
}

/** Both in one run; pieces that meet become one. */
function merge(a: readonly Piece[], b: readonly Piece[]): Piece[] {
  const merged: Piece[] = [];
  let atA = 0;
  let atB = 0;
  while (atA < a.length || atB < b.length) {
    const nextA = a[atA];
    const nextB = b[atB];
    const takesA =
      nextB === undefined || (nextA !== undefined && compareBytes(nextA.start, nextB.start) <= 0);
    const next = (takesA ? nextA : nextB) as Piece;
    if (takesA) atA++;
    else atB++;
    const last = merged.at(-1);
    if (last === undefined || compareBytes(last.end, next.start) < 0) merged.push(next);
    else if (compareBytes(last.end, next.end) < 0) {
      merged[merged.length - 1] = { start: last.start, end: next.end };
    }
  }
  return merged;
}
