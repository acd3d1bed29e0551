/**
 * The compiled command line as a person's shell would run it, against one server: to its end, or in
 * the background until something shows in its output. Whatever still runs is killed by `stop`.
 * In the background each command is a process of its own, and so it is everywhere in CI; elsewhere
 * those that run to their end are run by processes that had others before, to be done in minutes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inCi } from '../../support/in-ci.js';
import { runWarm } from './warm-process.js';

const PROGRAM = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
/** Long, for a machine with much else to do: only a command that hangs takes so long. */
const TIMEOUT_MS = 50_000;

/** How a command ended. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command in the background. */
export interface Background {
  readonly ended: Promise<Outcome>;
  /** Resolves when the output, of either kind, has `text` in it. */
  until(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export class Cli {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #children = new Set<ChildProcess>();

  constructor(environment: NodeJS.ProcessEnv) {
    const { ETCDCTL_ENDPOINTS: _theirs, TIDELOCK_ENDPOINTS: _own, ...rest } = process.env;
    this.#environment = { ...rest, ...environment };
  }

  /** Runs a command to its end; `input` goes to its standard input. */
  run(words: readonly string[], input: string | Uint8Array = ''): Promise<Outcome> {
    if (inCi) return this.start(words, input).ended;
    return runWarm({ words, environment: this.#environment, input }, TIMEOUT_MS);
  }

  /** Runs a command that writes JSON, and gives its exit code and lines. */
  async json(...words: readonly string[]): Promise<{ code: number | null; lines: unknown[] }> {
    const separator = words.indexOf('--');
    const at = separator === -1 ? words.length : separator;
    const { code, stdout } = await this.run([
      ...words.slice(0, at),
      '-w',
      'json',
      ...words.slice(at),
    ]);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return { code, lines: lines.map((line) => JSON.parse(line) as unknown) };
  }

  start(words: readonly string[], input: string | Uint8Array = ''): Background {
    const child = spawn(process.execPath, [PROGRAM, ...words], { env: this.#environment });
    this.#children.add(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    const output = { stdout: '', stderr: '' };
    const waiting = new Set<() => void>();
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
        for (const look of waiting) look();
      });
    }
    child.stdin.on('error', () => undefined).end(input);
    const ended = new Promise<Outcome>((resolve) => {
      child.on('close', (code) => {
        clearTimeout(timer);
        this.#children.delete(child);
        resolve({ code, ...output });
      });
    });
    const until = (text: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!`${output.stdout}${output.stderr}`.includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        void ended.then(() =>
          reject(new Error(`ended without "${text}": ${JSON.stringify(output)}`)),
        );
        look();
      });
    return { ended, until, kill: (signal) => void child.kill(signal) };
  }

  stop(): void {
    for (const child of this.#children) {
      child.kill('SIGKILL');
      // A command of its own that outlives it has them open too.
      child.stdout?.destroy();
      child.stderr?.destroy();
    }
  }
}
