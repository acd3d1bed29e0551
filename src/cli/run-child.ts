import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CliError } from './cli-error.js';
import { EXIT_CODE } from './exit-code.js';
import type { Interrupt } from './interrupt.js';

/** A command and what may end it. */
export interface ChildTerms {
  /** The program and its arguments. */
  readonly words: readonly string[];
  /** Added to this process's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Aborted when the command must not go on. */
  readonly lost: AbortSignal;
  readonly interrupt: Interrupt;
  /** How long the command may take to end after it was told to; then it is killed. */
  readonly graceMs: number;
  /** Where its standard output goes; default: to this process's own. */
  readonly output?: 'standard output' | 'standard error';
}

/** What a shell adds to the number of a signal that ended a command. */
const SIGNAL_EXIT_BASE = 128;

/**
 * Runs a command on this process's own terminal and gives its exit code, as a shell would. It is
 * told to end when `lost` is aborted or this process is interrupted, and killed when it does not;
 * it does not outlive this process.
 * @throws CliError when it cannot be started
 */
export async function runChild(terms: ChildTerms): Promise<number> {
  const { lost, interrupt, graceMs, output = 'standard output' } = terms;
  const [program = '', ...words] = terms.words;
  const child = spawn(program, words, {
    stdio: ['inherit', output === 'standard error' ? process.stderr : 'inherit', 'inherit'],
    env: { ...process.env, ...terms.environment },
  });
  let killer: NodeJS.Timeout | undefined;
  const kill = (): void => void child.kill('SIGKILL');
  const stop = (name: NodeJS.Signals | undefined): void => {
    if (name !== undefined) child.kill(name);
    killer ??= setTimeout(kill, graceMs);
  };
  const onLost = (): void => stop('SIGTERM');
  // A terminal sends Ctrl-C to the command as well, and twice would be once too many.
  const onInterrupt = (): void => {
    stop(interrupt.name === 'SIGINT' && process.stdin.isTTY ? undefined : interrupt.name);
  };
  lost.addEventListener('abort', onLost);
  interrupt.signal.addEventListener('abort', onInterrupt);
  process.on('exit', kill);
  if (lost.aborted) onLost();
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(cannotStart(program, error)));
      child.once('exit', (code, signal) => resolve(exitCodeOf(code, signal)));
    });
  } finally {
    clearTimeout(killer);
    lost.removeEventListener('abort', onLost);
    interrupt.signal.removeEventListener('abort', onInterrupt);
    process.off('exit', kill);
  }
}

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return SIGNAL_EXIT_BASE + (signal === null ? 0 : constants.signals[signal]);
}

function cannotStart(program: string, error: NodeJS.ErrnoException): CliError {
  if (error.code === 'ENOENT') {
    const advice = "give its path, or sh -c '…' for a shell's words";
    const message = `there is no command "${program}"; ${advice}`;
    return new CliError(EXIT_CODE.commandMissing, message);
  }
  const message = `cannot run "${program}": ${error.message}; is it a program that you may run?`;
  return new CliError(EXIT_CODE.notExecutable, message);
}
