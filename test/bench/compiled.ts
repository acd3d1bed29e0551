/**
 * The parts of the benchmarks that have tests of their own. They are loaded from their compiled
 * form, since the benchmarks are a project beside this one; the types here say what the tests rely
 * on.
 */
import { fileURLToPath } from 'node:url';

/** The repository, as seen from a compiled test. */
export const ROOT = new URL('../../../', import.meta.url);

/** The compiled programs of the rows. */
export const ROWS = fileURLToPath(new URL('build/bench/rows/', ROOT));

export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly target: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface MeasureResult extends Measure {
  readonly tidelock: Spread;
  readonly peer: Spread;
  readonly ratio: Spread;
}

export interface RowResult {
  readonly name: string;
  readonly title: string;
  readonly peer: string;
  readonly date: string;
  readonly pairs: number;
  readonly seconds: number;
  readonly scale: number;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly measures: readonly MeasureResult[];
}

type Reading = Readonly<Record<string, number>>;

interface Pair {
  readonly tidelock: Reading;
  readonly peer: Reading;
}

interface Harness {
  readonly 'statistics.js': {
    readonly compare: (measure: Measure, pairs: readonly Pair[]) => MeasureResult;
    readonly meetsTarget: (result: MeasureResult) => boolean;
    readonly spreadOf: (values: readonly number[]) => Spread;
  };
  readonly 'result.js': { readonly readResults: (folder: string) => readonly RowResult[] };
  readonly 'result-table.js': {
    readonly renderTable: (
      results: readonly RowResult[],
      bounds: Readonly<Record<string, string>>,
    ) => string;
    readonly insertTable: (page: string, table: string) => string;
  };
  readonly 'options.js': {
    readonly parseBenchOptions: (
      args: readonly string[],
      folder: string,
    ) => { readonly out?: string };
  };
  readonly 'peers.js': {
    readonly reasonMissing: (need: 'etcd' | 'go') => Promise<string | undefined>;
  };
}

export async function loadHarness<Name extends keyof Harness>(name: Name): Promise<Harness[Name]> {
  return (await import(new URL(`build/bench/harness/${name}`, ROOT).href)) as Harness[Name];
}
