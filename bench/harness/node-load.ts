import { fileURLToPath } from 'node:url';
import type { BenchOptions } from './options.js';
import { COMPILED } from './paths.js';
import { type LoadResult, parseLoadResult, runProgram } from './program.js';

/**
 * Runs one of the load programs in `bench/apps` in a process of its own.
 */

const RUN_TIMEOUT_MS = 600_000;

/** Appended to Node's own flags, for a profile of what is measured (`--cpu-prof`). */
const NODE_FLAGS_VARIABLE = 'TIDELOCK_BENCH_NODE_FLAGS';

export async function runNodeLoad(
  app: 'node-application' | 'embedded-application' | 'crowd-application',
  flags: Readonly<Record<string, string | number>>,
  options: BenchOptions,
): Promise<LoadResult> {
  const all = { ...flags, seconds: options.seconds, 'warm-seconds': options.warmSeconds };
  const output = await runProgram(
    process.execPath,
    [
      ...(process.env[NODE_FLAGS_VARIABLE]?.split(' ') ?? []),
      fileURLToPath(new URL(`apps/${app}.js`, COMPILED)),
      ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ],
    { timeoutMs: RUN_TIMEOUT_MS },
  );
  return parseLoadResult(output);
}
