import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PROGRAM } from './paths.js';
import { etcdProgram } from './peers.js';

/**
 * A server under measurement: its own process, ports and data directory, ours or etcd with the same
 * settings, which are each one's defaults. It is ended the clean way, and its data goes with
 * `remove`.
 */

export type ServerKind = 'tidelock' | 'etcd';

const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 60_000;
const POLL_MS = 10;
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;
const ERROR_TAIL_CHARACTERS = 2000;

/** Resident memory of a process. */
export interface ResidentMemory {
  readonly totalBytes: number;
  /** What the process made itself: without pages of mapped files. */
  readonly ownBytes: number;
}

export class ServerProcess {
  /** `http://127.0.0.1:<port>`. */
  readonly endpoint: string;
  readonly port: number;
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #errors = '';

  private constructor(kind: ServerKind, folder: string, port: number, peerPort: number) {
    this.endpoint = `http://127.0.0.1:${port}`;
    this.port = port;
    this.#folder = folder;
    const command = kind === 'tidelock' ? tidelock : etcd;
    [this.#command, ...this.#args] = command(folder, this.endpoint, `http://127.0.0.1:${peerPort}`);
  }

  /** One with an empty data directory in a folder of its own below `parent`; not started yet. */
  static async create(kind: ServerKind, parent: string): Promise<ServerProcess> {
    const folder = await mkdtemp(join(parent, `${kind}-`));
    return new ServerProcess(kind, folder, await freePort(), await freePort());
  }

  /** Starts the process; {@link ready} says when it serves. */
  start(): void {
    // At the repository's own priority and without output, so that no pipe slows it down.
    const child = spawn(this.#command, this.#args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    this.#errors = '';
    child.on('error', (error) => {
      this.#errors = error.message;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-ERROR_TAIL_CHARACTERS);
    });
  }

  /** @throws Error with what it wrote when it ended or does not come up in time */
  async ready(): Promise<void> {
    const untilMs = performance.now() + READY_WITHIN_MS;
    while (performance.now() < untilMs) {
      this.mustRun();
      if (await this.#isHealthy()) return;
      await sleep(POLL_MS);
    }
    throw new Error(`${this.#command} did not come up: ${this.#errors}`);
  }

  /** @throws Error with what it wrote when the process has ended */
  mustRun(): void {
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) return;
    throw new Error(`${this.#command} has ended: ${this.#errors}`);
  }

  async #isHealthy(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.endpoint}/health`, { signal: AbortSignal.timeout(2000) });
      return answer.ok && (await answer.text()).includes('true');
    } catch {
      // Not listening yet.
      return false;
    }
  }

  /** @throws Error when it does not run */
  memory(): ResidentMemory {
    this.mustRun();
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8');
    const bytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
    return { totalBytes: bytes('VmRSS'), ownBytes: bytes('RssAnon') };
  }

  /** Ends the process by SIGTERM, as an operator would; its data stays. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(STOP_WITHIN_MS) });
    child.kill('SIGTERM');
    await ended;
  }

  /** Ends the process and removes its data. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Runs `work` on a new server with an empty data directory. */
export async function withServer<T>(
  kind: ServerKind,
  parent: string,
  work: (server: ServerProcess) => Promise<T>,
): Promise<T> {
  const server = await ServerProcess.create(kind, parent);
  try {
    server.start();
    await server.ready();
    return await work(server);
  } finally {
    await server.remove();
  }
}

type CommandLine = readonly [command: string, ...args: string[]];

function tidelock(folder: string, endpoint: string): CommandLine {
  const flags = ['--data-dir', join(folder, 'data'), '--listen-client-urls', endpoint];
  return [process.execPath, fileURLToPath(PROGRAM), 'serve', ...flags, '--log-level', 'error'];
}

function etcd(folder: string, endpoint: string, peer: string): CommandLine {
  return [
    etcdProgram(),
    ...['--name', 'bench', '--data-dir', join(folder, 'data')],
    ...['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', `bench=${peer}`, '--log-level', 'error'],
  ];
}

/**
 * A port that was free a moment ago, below those that the system gives to outgoing connections: so
 * nobody takes it while its server is away for a restart.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORT_MIN, PORT_MAX);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
      return port;
    } catch {
      // Taken: try another.
    } finally {
      server.close();
    }
  }
}
