/**
 * One of our members for a test: its own process, port and folder, which can be killed and started
 * again with the same data. It runs the compiled command line, as a user would.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../server/support/free-ports.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const READY_WITHIN_MS = 40_000;
const STOP_WITHIN_MS = 30_000;
const LOG_TAIL_CHARACTERS = 4000;
/** What the member logs when it serves. */
const READY = 'ready to serve client requests';

export interface MemberProcess {
  /** Where clients connect: `http://127.0.0.1:<port>`. */
  readonly endpoint: string;
  readonly dataDir: string;
  /** The end of what it logged. */
  readonly log: string;
  /** Whether the process has ended by itself, and how. */
  readonly exit: string | undefined;
  /** SIGKILL; resolves when the process is gone. Its data stays for `start`. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and data. @returns milliseconds until it served */
  start(): Promise<number>;
  /** SIGTERM; resolves with the exit code. */
  terminate(): Promise<number | null>;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
}

/**
 * Resolves when it serves.
 * @param flags as on the command line, with dashes
 * @param parent the folder that its data folder is made in
 */
export async function startMember(
  flags: readonly string[] = [],
  parent = tmpdir(),
): Promise<MemberProcess> {
  const dataDir = await mkdtemp(join(parent, 'tidelock-member-'));
  const [port = 0] = await freePorts(1);
  const member = new RunningMember(dataDir, port, flags);
  try {
    await member.start();
  } catch (error) {
    await member.stop();
    throw error;
  }
  return member;
}

class RunningMember implements MemberProcess {
  readonly endpoint: string;
  readonly dataDir: string;
  readonly #arguments: readonly string[];
  #child: ChildProcess | undefined;
  #log = '';
  #exit: string | undefined;

  constructor(dataDir: string, port: number, flags: readonly string[]) {
    this.endpoint = `http://127.0.0.1:${port}`;
    this.dataDir = dataDir;
    const place = ['--data-dir', dataDir, '--listen-client-urls', this.endpoint];
    this.#arguments = [PROGRAM, 'serve', ...place, ...flags];
  }

  get log(): string {
    return this.#log;
  }

  get exit(): string | undefined {
    return this.#exit;
  }

  async start(): Promise<number> {
    const startMs = performance.now();
    const child = spawn(process.execPath, this.#arguments, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    this.#exit = undefined;
    this.#log = '';
    child.on('close', (code, signal) => {
      if (this.#child === child) this.#exit = `exit code ${code}, signal ${signal}`;
    });
    await this.#ready(child);
    return performance.now() - startMs;
  }

  #ready(child: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        clearTimeout(timer);
        reject(new Error(`the member ${reason}: ${this.#log}`));
      };
      const timer = setTimeout(() => fail('did not come up'), READY_WITHIN_MS);
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-LOG_TAIL_CHARACTERS);
        if (!this.#log.includes(READY)) return;
        clearTimeout(timer);
        resolve();
      });
      child.once('close', (code) => fail(`ended with code ${code}`));
      child.once('error', (error) => fail(`could not be started (${error.message})`));
    });
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  terminate(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return null;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    // Not only its end: what it said last is to be in the log.
    const closed = once(child, 'close', { signal: AbortSignal.timeout(STOP_WITHIN_MS) });
    child.kill(signal);
    await closed;
    return child.exitCode;
  }
}
