import type { Measure, Reading } from './row.js';

/**
 * From pairs of readings to what is told about them. The ratio is the median of the pairs' own
 * ratios, so that a machine that slows down over the run slows both sides of each of them; it is
 * therefore not exactly the ratio of the two medians. Pure arithmetic.
 */

/** The middle of some numbers, and how far they reach. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** In the order in which they were taken. */
  readonly values: readonly number[];
}

export interface MeasureResult extends Measure {
  readonly tidelock: Spread;
  readonly peer: Spread;
  /** Ours over theirs, pair by pair. */
  readonly ratio: Spread;
}

export interface Pair {
  readonly tidelock: Reading;
  readonly peer: Reading;
}

/** @throws Error when there are no numbers */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.ceil((sorted.length - 1) / 2)];
  const min = sorted[0];
  const max = sorted.at(-1);
  if (low === undefined || high === undefined || min === undefined || max === undefined) {
    throw new Error('no readings');
  }
  return { median: (low + high) / 2, min, max, values };
}

/** @throws Error when a reading lacks the measure or is no positive number */
export function compare(measure: Measure, pairs: readonly Pair[]): MeasureResult {
  const ours = pairs.map(({ tidelock }) => numberOf(tidelock, measure.name));
  const theirs = pairs.map(({ peer }) => numberOf(peer, measure.name));
  const ratios = ours.map((value, at) => value / (theirs[at] as number));
  return {
    ...measure,
    tidelock: spreadOf(ours),
    peer: spreadOf(theirs),
    ratio: spreadOf(ratios),
  };
}

function numberOf(reading: Reading, name: string): number {
  const value = reading[name];
  if (value === undefined || !Number.isFinite(value) || value <= 0) {
    throw new Error(`a reading of "${name}" is ${value}`);
  }
  return value;
}

/** Whether the median of the ratios is where it should be. */
export function meetsTarget({ better, target, ratio }: MeasureResult): boolean {
  return better === 'more' ? ratio.median >= target : ratio.median <= target;
}
