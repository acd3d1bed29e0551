/**
 * A child process that serves, for harnesses that start several: signals, a log that is kept, and
 * an end that is always waited for. What it runs, and when it counts as up, its owner says.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const STOP_WITHIN_MS = 30_000;
const LOG_CHARACTERS = 200_000;

export class ServerProcess {
  #child: ChildProcess | undefined;
  #closed = true;
  #log = '';

  /** What it wrote to standard error since the test began, its end at least. */
  get log(): string {
    return this.#log;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.running ? this.#child?.pid : undefined;
  }

  /** Until it has ended and all that it wrote is in the log. */
  get running(): boolean {
    return !this.#closed;
  }

  launch(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
    if (this.running) throw new Error('it runs already');
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
    this.#child = child;
    this.#closed = false;
    child.on('close', () => {
      this.#closed = true;
    });
    this.#log += `--- started ${new Date().toISOString()}\n`;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_CHARACTERS);
    });
    child.on('error', (error) => {
      this.#log += `${error.message}\n`;
    });
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.running) throw new Error(`there is no process to send ${signal} to`);
    this.#child?.kill(signal);
  }

  /** Resolves with the exit code when it has ended; null if a signal ended it or nothing ran. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || !this.running) return child?.exitCode ?? null;
    const closed = once(child, 'close', { signal: AbortSignal.timeout(STOP_WITHIN_MS) });
    child.kill(signal);
    await closed;
    return child.exitCode;
  }
}
