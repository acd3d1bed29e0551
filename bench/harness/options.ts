import { parseArgs } from 'node:util';

/**
 * The flags that every row understands. A run that is smaller than the full one is for a quick
 * look: its numbers are printed, and kept only where `--out` says, never among the results of full
 * runs.
 */
export interface BenchOptions {
  /** Readings of each side, taken in turn. */
  readonly pairs: number;
  /** How long one reading of a rate measures. */
  readonly seconds: number;
  /** How long each reading runs before it counts. */
  readonly warmSeconds: number;
  /** Share of the full run's sizes: keys, watchers. */
  readonly scale: number;
  /** Where the result is written; undefined: nowhere. */
  readonly out: string | undefined;
}

/** Fewer pairs than this prove nothing on a shared machine. */
export const FULL_PAIRS = 5;
const FULL_SECONDS = 3;
const FULL_WARM_SECONDS = 1.5;

export const OPTIONS_HELP = `
  --pairs N         readings of each side, taken in turn (default ${FULL_PAIRS})
  --seconds S       how long one reading of a rate measures (default ${FULL_SECONDS})
  --warm-seconds S  how long it runs before it counts (default ${FULL_WARM_SECONDS})
  --scale F         share of the full sizes, such as 0.01 for a quick look (default 1)
  --out DIR         write the result there; a full run writes to bench/results by itself
  --tiny            one pair, tiny sizes: only to see that everything runs`;

/**
 * @param resultsFolder where full runs are kept
 * @throws Error that names the flag
 */
export function parseBenchOptions(args: readonly string[], resultsFolder: string): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      pairs: { type: 'string' },
      seconds: { type: 'string' },
      'warm-seconds': { type: 'string' },
      scale: { type: 'string' },
      out: { type: 'string' },
      tiny: { type: 'boolean' },
    },
  });
  const tiny = values.tiny === true;
  const pairs = positive('--pairs', values.pairs, tiny ? 1 : FULL_PAIRS);
  const seconds = positive('--seconds', values.seconds, tiny ? 0.2 : FULL_SECONDS);
  const warmSeconds = positive(
    '--warm-seconds',
    values['warm-seconds'],
    tiny ? 0.05 : FULL_WARM_SECONDS,
  );
  const scale = positive('--scale', values.scale, tiny ? 0.001 : 1);
  const isFull = pairs >= FULL_PAIRS && seconds >= FULL_SECONDS && scale === 1;
  const out = values.out ?? (isFull ? resultsFolder : undefined);
  return { pairs: Math.ceil(pairs), seconds, warmSeconds, scale, out };
}

function positive(flag: string, text: string | undefined, absent: number): number {
  if (text === undefined) return absent;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${flag}: "${text}" is not above 0`);
  return value;
}
