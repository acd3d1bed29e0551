/**
 * Where things are in this repository, as seen from the compiled benchmarks. Only addresses.
 */

/** The repository, with a slash at the end. */
export const ROOT = new URL('../../../', import.meta.url);

/** The compiled programs of the benchmarks. */
export const COMPILED = new URL('../', import.meta.url);

/** Results of full runs. */
export const RESULTS = new URL('bench/results/', ROOT);

/** Our command line, compiled. */
export const PROGRAM = new URL('build/src/cli/main.js', ROOT);
