import { type MeasureResult, meetsTarget, type Spread } from './statistics.js';

/**
 * Numbers as people read them: three digits that count, and the spread behind the median.
 */

export function figure(value: number): string {
  if (value >= 1000) return Math.round(Number(value.toPrecision(3))).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

/** `1,230 (1,100–1,400)`. */
export function spreadText({ median, min, max }: Spread): string {
  return `${figure(median)} (${figure(min)}–${figure(max)})`;
}

/** `>= 0.5: yes`. */
export function targetText(measure: MeasureResult): string {
  const sign = measure.better === 'more' ? '>=' : '<=';
  return `${sign} ${measure.target}: ${meetsTarget(measure) ? 'yes' : 'no'}`;
}
