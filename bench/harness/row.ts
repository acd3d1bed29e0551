import type { BenchOptions } from './options.js';

/**
 * What a row of the comparison is: what it measures, which programs it cannot do without, and how
 * one reading of each side is taken. Types only; `run-row.ts` turns a row into a result.
 */

/** Programs that a row needs besides this repository. */
export type Need = 'etcd' | 'go';

/** One number that both sides are asked for. */
export interface Measure {
  /** Short and unique in its row; the table prints it. */
  readonly name: string;
  readonly unit: string;
  /** Whether a larger number is the better one; decides which way the target points. */
  readonly better: 'more' | 'less';
  /** What the ratio ours / theirs should reach: at least this, or at most when less is better. */
  readonly target: number;
}

/** One reading of one side: a number for each measure, by its name. */
export type Reading = Readonly<Record<string, number>>;

/** The two sides of a comparison, ready to be read in turn. */
export interface Sides {
  readonly tidelock: () => Promise<Reading>;
  readonly peer: () => Promise<Reading>;
  /** Gives back what `open` took. */
  readonly close?: () => Promise<void>;
}

/** What a row has to work with. */
export interface RowContext {
  readonly options: BenchOptions;
  /** A folder of this run, removed at its end. */
  readonly folder: string;
  /** A size of the full run in the scale of this one, at least `least`. */
  readonly scaled: (size: number, least?: number) => number;
}

export interface Row {
  /** The name of its program and of its result: `row-01-unary-put`. */
  readonly name: string;
  readonly title: string;
  /** What a full run takes, where that is more than some minutes; `--help` prints it. */
  readonly cost?: string;
  /** Whom ours is compared with, in words. */
  readonly peer: string;
  readonly needs: readonly Need[];
  readonly measures: readonly Measure[];
  readonly open: (context: RowContext) => Promise<Sides>;
}
