/**
 * Runs command lines to their end in processes that are used again: to load the client takes longer
 * than most commands run. Each process has one command at a time, and one that a command ended is
 * not used again. They end with the process that started them, and do not keep it alive.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './cli.js';
import { END_MARK, type WarmJob } from './warm-job.js';

const HOST = fileURLToPath(new URL('./warm-host.js', import.meta.url));

/** As many as a small machine has processors; a third command waits until one has ended. */
const PROCESSES_MAX = 2;

const idle: WarmProcess[] = [];
const waiting: (() => void)[] = [];
let busyCount = 0;

/** Runs one command line; it is killed when it takes longer than `timeoutMs`. */
export async function runWarm(job: WarmJob, timeoutMs: number): Promise<Outcome> {
  while (busyCount >= PROCESSES_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
  busyCount += 1;
  let warm = idle.pop();
  if (warm?.usable !== true) warm = new WarmProcess();
  const outcome = await warm.run(job, timeoutMs);
  if (warm.usable) idle.push(warm);
  busyCount -= 1;
  waiting.shift()?.();
  return outcome;
}

class WarmProcess {
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';
  #exitCode: number | undefined;
  #closed = false;
  #look: () => void = () => undefined;

  constructor() {
    const child = spawn(process.execPath, [HOST], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#look();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#look();
    });
    child.on('message', (exitCode: number) => {
      this.#exitCode = exitCode;
      this.#look();
    });
    child.on('close', () => {
      this.#closed = true;
      this.#look();
    });
    // The timer of the command that runs is what keeps this process alive.
    for (const kept of [child, child.channel, child.stdout, child.stderr]) unref(kept);
  }

  get usable(): boolean {
    return this.#child.connected && !this.#closed;
  }

  async run(job: WarmJob, timeoutMs: number): Promise<Outcome> {
    const child = this.#child;
    [this.#stdout, this.#stderr, this.#exitCode] = ['', '', undefined];
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.send(job);
    await new Promise<void>((resolve) => {
      this.#look = () => {
        const isDone = [this.#stdout, this.#stderr].every((text) => text.endsWith(END_MARK));
        if ((isDone && this.#exitCode !== undefined) || this.#closed) resolve();
      };
    });
    clearTimeout(timer);
    const [stdout, stderr] = [this.#stdout, this.#stderr].map((text) => text.replace(END_MARK, ''));
    return { code: this.#exitCode ?? child.exitCode, stdout: stdout ?? '', stderr: stderr ?? '' };
  }
}

function unref(kept: unknown): void {
  (kept as { unref?: () => void } | undefined)?.unref?.();
}
