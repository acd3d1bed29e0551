import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { askMember, type MemberReport } from '../client/index.js';

export interface ClusterMemberOptions {
  readonly name: string;
  readonly directory: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  /** `--initial-cluster` of all members. */
  readonly initialCluster: string;
  /** The program's entrance. */
  readonly main: string;
}

/** What is known of a member at one moment. */
export type MemberLook =
  | { readonly kind: 'serves'; readonly pid: number; readonly report: MemberReport }
  /** The process is there and has not answered yet. */
  | { readonly kind: 'starts'; readonly pid: number }
  /** It has answered before, and does not, or not in time. */
  | { readonly kind: 'silent'; readonly pid: number }
  | { readonly kind: 'gone'; readonly how: string };

const ANSWER_MS = 800;
const STOP_MS = 10_000;

/**
 * One member of a cluster for trying out: a process of its own that runs `serve`, with its data and
 * its log in a folder. Owns the process and lets it not outlive this one.
 */
export class ClusterMember {
  readonly options: ClusterMemberOptions;
  #child: ChildProcess | undefined;
  #how = 'not started';
  #everServed = false;
  /** Until the process that runs has answered once. */
  #isStarting = false;

  constructor(options: ClusterMemberOptions) {
    this.options = options;
  }

  /** Whether the process is there. */
  get runs(): boolean {
    return this.#child !== undefined;
  }

  get everServed(): boolean {
    return this.#everServed;
  }

  get logFile(): string {
    return join(this.options.directory, `${this.options.name}.log`);
  }

  /** The last thing that it said, for when it could not start. */
  lastWords(): string {
    const lines = readFileSync(this.logFile, 'utf8').trim().split('\n');
    return lines.at(-1) ?? '';
  }

  start(): void {
    const { name, directory, clientUrl, peerUrl, initialCluster, main } = this.options;
    const flags = {
      name,
      'data-dir': join(directory, name),
      'listen-client-urls': clientUrl,
      'listen-peer-urls': peerUrl,
      'initial-advertise-peer-urls': peerUrl,
      'initial-cluster': initialCluster,
    };
    const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    const log = openSync(this.logFile, 'a');
    // Ctrl-C is for this program, which then ends the members one by one.
    const child = spawn(process.execPath, [main, 'serve', ...words], {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    this.#isStarting = true;
    child.on('error', (error) => this.#ended(child, error.message));
    child.on('exit', (code, signal) => this.#ended(child, signal ?? `exit code ${code}`));
  }

  async look(): Promise<MemberLook> {
    const pid = this.#child?.pid;
    if (pid === undefined) return { kind: 'gone', how: this.#how };
    try {
      const report = await askMember(this.options.clientUrl, { timeoutMs: ANSWER_MS });
      this.#everServed = true;
      this.#isStarting = false;
      return { kind: 'serves', pid, report };
    } catch {
      // Whatever the reason, there is no answer to show.
      if (!this.runs) return { kind: 'gone', how: this.#how };
      return { kind: this.#isStarting ? 'starts' : 'silent', pid };
    }
  }

  /** Ends it cleanly, or by force when that takes too long. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_MS);
    await ended;
    clearTimeout(timer);
  }

  /** For when this process ends without having stopped it. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  #ended(child: ChildProcess, how: string): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    this.#how = how;
  }
}
