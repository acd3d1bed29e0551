// Runs a program to its end and keeps what it said. Nothing that a test starts outlives its
// deadline.
import { spawn } from 'node:child_process';

/** Long, for a machine with much else to do. */
const DEADLINE_MS = 30_000;

/** Flags of etcdctl, which by itself gives up after five seconds. */
export const PATIENT: readonly string[] = ['--command-timeout=20s', '--dial-timeout=10s'];

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(
  program: string,
  args: readonly string[],
  options: {
    readonly input?: string;
    readonly deadlineMs?: number;
    readonly env?: NodeJS.ProcessEnv;
  } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ETCDCTL_API: '3', ...options.env },
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.deadlineMs ?? DEADLINE_MS);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
    // A program that reads nothing may be gone before its input is: its exit code tells the rest.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}
