import { fileURLToPath } from 'node:url';
import { ROOT } from './paths.js';
import {
  holdProgram,
  type HeldProgram,
  type LoadResult,
  parseLoadResult,
  runProgram,
} from './program.js';
import type { BenchOptions } from './options.js';

/**
 * The load generator in Go (`bench/load`), which drives a server with the unmodified etcd client.
 * It is built when it is first needed; go builds again only what changed. It also fills a server
 * with what is to weigh on it, and stays there with watchers for as long as they are wanted.
 */

const PROGRAM = fileURLToPath(new URL('build/bench/load-generator', ROOT));
const BUILD_TIMEOUT_MS = 300_000;
const RUN_TIMEOUT_MS = 600_000;
/** How long it may take to write keys or leases. */
const FILL_TIMEOUT_MS = 3_600_000;
const CONNECTIONS = 10;
const CLIENTS = 100;
const PACED_CLIENTS = 4;
const PACED_PUTS_PER_SECOND = 400;
const IDLE_CONNECTIONS = 25;
/** How many of them ask for a watcher at once, on all connections together. */
const IDLE_OPENERS = 100;

let building: Promise<unknown> | undefined;

function build(): Promise<unknown> {
  building ??= runProgram('go', ['build', '-o', PROGRAM, '.'], {
    cwd: new URL('bench/load/', ROOT),
    timeoutMs: BUILD_TIMEOUT_MS,
  });
  return building;
}

export interface Load {
  readonly mode: 'put' | 'get' | 'serializable-get' | 'watch' | 'load' | 'leases';
  /** Size of the key space; for `load`, the keys to write. */
  readonly keys?: number;
  readonly watchers?: number;
  /** For `leases`: how many, each with a key. */
  readonly leases?: number;
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
  const args = argsOf(endpoint, {
    mode: load.mode,
    conns: CONNECTIONS,
    clients: load.clients ?? CLIENTS,
    seconds: options.seconds,
    'warm-seconds': options.warmSeconds,
    keys: load.keys ?? 0,
    watchers: load.watchers ?? 0,
    leases: load.leases ?? 0,
  });
  const fills = load.mode === 'load' || load.mode === 'leases';
  const timeoutMs = fills ? FILL_TIMEOUT_MS : RUN_TIMEOUT_MS;
  return parseLoadResult(await runProgram(PROGRAM, args, { timeoutMs }));
}

/** A server that is measured beside another. */
export interface Side {
  readonly endpoint: string;
  /** Size of its key space. */
  readonly keys: number;
}

/**
 * The median time of a put on each of some servers, in milliseconds, when puts are few. They are
 * asked in turn, each a tenth of a second at a time, so that a busy machine is as busy for all.
 */
export async function pacedPutMs(
  sides: readonly Side[],
  options: BenchOptions,
): Promise<readonly number[]> {
  await build();
  const args = argsOf(sides.map(({ endpoint }) => endpoint).join(), {
    mode: 'paced-put',
    conns: sides.length * PACED_CLIENTS,
    clients: PACED_CLIENTS,
    rate: PACED_PUTS_PER_SECOND,
    seconds: options.seconds,
    'warm-seconds': options.warmSeconds,
    'each-keys': sides.map(({ keys }) => keys).join(),
  });
  const result = parseLoadResult(await runProgram(PROGRAM, args, { timeoutMs: RUN_TIMEOUT_MS }));
  return result.eachP50Ms ?? [];
}

/**
 * Opens watchers on keys and prefixes that nobody writes, some thousands of them on a connection.
 * Resolves when the server has confirmed all of them; they end with the program, which fails when
 * one of them has seen something.
 * @throws Error when the server does not confirm them
 */
export async function openIdleWatchers(endpoint: string, watchers: number): Promise<HeldProgram> {
  await build();
  const args = argsOf(endpoint, {
    mode: 'idle-watchers',
    conns: IDLE_CONNECTIONS,
    clients: IDLE_OPENERS,
    watchers,
  });
  const held = await holdProgram(PROGRAM, args);
  return held;
}

function argsOf(
  endpoint: string,
  flags: Readonly<Record<string, string | number>>,
): readonly string[] {
  const all = { endpoint: endpoint.replaceAll('http://', ''), ...flags };
  return Object.entries(all).map(([name, value]) => `-${name}=${value}`);
}
