/**
 * Builds the library that makes a member's disk fail, once for a run of tests, and says how a
 * member is started with it. Where there is no compiler the tests that need it step aside.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The C file is not compiled by tsc, so it stays where it was written.
const SOURCE = fileURLToPath(new URL('../../../../test/processes/shim/fault.c', import.meta.url));
let library: string | undefined;

/** Which call of which file fails, and how; see fault.c. */
export interface Fault {
  readonly path: string;
  readonly call: 'write' | 'sync' | 'rename' | 'truncate';
  readonly nth: number;
  readonly kind: 'eio' | 'enospc' | 'short';
}

/** Undefined when the library can be built here, otherwise the reason to skip. */
export function faultShimMissing(): string | undefined {
  if (process.platform !== 'linux') return 'faults of the disk are made with LD_PRELOAD on Linux';
  const { error } = spawnSync('cc', ['--version']);
  return error === undefined
    ? undefined
    : 'cc is not on PATH (scripts/setup-test-machine.sh installs gcc)';
}

/** The environment of a process whose disk fails so. @param log a file that tells when it did */
export function faultEnvironment(fault: Fault, log: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    LD_PRELOAD: built(),
    FAULT_PATH: fault.path,
    FAULT_CALL: fault.call,
    FAULT_NTH: `${fault.nth}`,
    FAULT_KIND: fault.kind,
    FAULT_LOG: log,
  };
}

/** What failed so far, a line for each. */
export function faultsIn(log: string): readonly string[] {
  return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
}

function built(): string {
  if (library !== undefined) return library;
  const output = join(mkdtempSync(join(tmpdir(), 'tidelock-shim-')), 'fault.so');
  const { status, stderr } = spawnSync(
    'cc',
    ['-O1', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', output, SOURCE, '-ldl'],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`cc: ${stderr}`);
  library = output;
  return output;
}
