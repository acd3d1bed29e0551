import { fileURLToPath } from 'node:url';
import { ROOT } from './paths.js';
import { type LoadResult, parseLoadResult, runProgram } from './program.js';
import type { BenchOptions } from './options.js';

/**
 * The load generator in Go (`bench/load`), which drives a server with the unmodified etcd client.
 * It is built when it is first needed; go builds again only what changed.
 */

const PROGRAM = fileURLToPath(new URL('build/bench/load-generator', ROOT));
const BUILD_TIMEOUT_MS = 300_000;
const RUN_TIMEOUT_MS = 600_000;
const CONNECTIONS = 10;
const CLIENTS = 100;

let building: Promise<unknown> | undefined;

function build(): Promise<unknown> {
  building ??= runProgram('go', ['build', '-o', PROGRAM, '.'], {
    cwd: new URL('bench/load/', ROOT),
    timeoutMs: BUILD_TIMEOUT_MS,
  });
  return building;
}

export interface Load {
  readonly mode: 'put' | 'get' | 'serializable-get' | 'watch' | 'load';
  /** Size of the key space; for `load`, the keys to write. */
  readonly keys?: number;
  readonly watchers?: number;
  /** Concurrent clients; 100 when absent. */
  readonly clients?: number;
}

/**
 * Runs a load from 10 connections against a server, or against several whose addresses stand
 * between commas: each connection goes to one of them, in turn.
 */
export async function runLoad(
  endpoint: string,
  load: Load,
  options: BenchOptions,
): Promise<LoadResult> {
  await build();
  const flags = [
    ['endpoint', endpoint.replaceAll('http://', '')],
    ['mode', load.mode],
    ['conns', CONNECTIONS],
    ['clients', load.clients ?? CLIENTS],
    ['seconds', options.seconds],
    ['warm-seconds', options.warmSeconds],
    ['keys', load.keys ?? 0],
    ['watchers', load.watchers ?? 0],
  ];
  const args = flags.map(([name, value]) => `-${name}=${value}`);
  return parseLoadResult(await runProgram(PROGRAM, args, { timeoutMs: RUN_TIMEOUT_MS }));
}
