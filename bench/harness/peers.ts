import { runProgram } from './program.js';
import type { Need } from './row.js';

/**
 * Finds the programs that ours is compared with or measured by. It only asks for versions.
 */

/** The etcd to compare with: `ETCD_BIN`, or the one on PATH. */
export function etcdProgram(): string {
  const given = process.env['ETCD_BIN'];
  return given === undefined || given === '' ? 'etcd' : given;
}

/** Undefined when there is none. */
export async function etcdVersion(): Promise<string | undefined> {
  const output = await outputOf(etcdProgram(), ['--version']);
  return output && /etcd Version: (\S+)/.exec(output)?.[1];
}

/** Undefined when there is none. */
export async function goVersion(): Promise<string | undefined> {
  const output = await outputOf('go', ['version']);
  return output && /go(\d\S*)/.exec(output)?.[1];
}

/** Undefined when it is there, else the reason why a row cannot be measured. */
export async function reasonMissing(need: Need): Promise<string | undefined> {
  if (need === 'etcd') {
    if ((await etcdVersion()) !== undefined) return undefined;
    return `its peer, etcd, is missing (looked for ${etcdProgram()}; ETCD_BIN names another)`;
  }
  if ((await goVersion()) !== undefined) return undefined;
  return 'go, which builds the load generator, is missing';
}

async function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return await runProgram(command, args);
  } catch {
    // Not there, or not what its name says: the same to who wants to measure with it.
    return undefined;
  }
}
