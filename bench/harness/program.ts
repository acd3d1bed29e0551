import { spawn } from 'node:child_process';

/**
 * Runs a program to its end and gives what it printed. A program that fails is an error that says
 * what it wrote; nothing is tried twice.
 */

const ERROR_TAIL_CHARACTERS = 2000;

export interface ProgramOptions {
  readonly cwd?: URL;
  readonly timeoutMs?: number;
}

/** @throws Error when it cannot be started, ends by a signal or with another code than 0 */
export function runProgram(
  command: string,
  args: readonly string[],
  { cwd, timeoutMs }: ProgramOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: 'SIGKILL' as const }),
    });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-ERROR_TAIL_CHARACTERS);
    });
    child.on('error', (error) => reject(new Error(`${command}: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with ${signal ?? `code ${code}`}: ${errors}`));
    });
  });
}

/** A program that does its part, says so, and stays. */
export interface HeldProgram {
  /**
   * Tells it to end, by the end of its input.
   * @throws Error when it has failed, then or before
   */
  readonly close: () => Promise<void>;
}

/**
 * Runs a program until it prints, and from then on until it is closed.
 * @throws Error when it ends before it prints, with what it wrote
 */
export async function holdProgram(command: string, args: readonly string[]): Promise<HeldProgram> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-ERROR_TAIL_CHARACTERS);
  });
  // The pipe of one that has ended: what it ended with tells more.
  child.stdin.on('error', () => {});
  const ended = new Promise<Error | undefined>((resolve) => {
    child.on('error', (error) => resolve(new Error(`${command}: ${error.message}`)));
    child.on('close', (code, signal) => {
      const how = signal ?? `code ${code}`;
      resolve(code === 0 ? undefined : new Error(`${command} ended with ${how}: ${errors}`));
    });
  });
  const printed = new Promise<true>((resolve) => {
    child.stdout.once('data', () => resolve(true));
  });
  const first = await Promise.race([printed, ended]);
  if (first !== true) throw first ?? new Error(`${command} ended and printed nothing`);
  child.stdout.resume();
  return {
    close: async () => {
      child.stdin.end();
      const failure = await ended;
      if (failure !== undefined) throw failure;
    },
  };
}

/** What one of the load programs prints: one line of JSON. */
export interface LoadResult {
  readonly mode: string;
  readonly total: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The median by endpoint, where endpoints are measured side by side. */
  readonly eachP50Ms?: readonly number[];
  /** What watches delivered to all for one operation, where that is counted. */
  readonly eventsPerOperation?: number;
}

/** @throws Error when the program did nothing */
export function parseLoadResult(output: string): LoadResult {
  const result = JSON.parse(output) as LoadResult;
  if (result.total <= 0) throw new Error(`the load program did nothing: ${output}`);
  return result;
}
