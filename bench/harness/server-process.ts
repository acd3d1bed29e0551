import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { localUrl, type ServerKind, type ServerPlace, serverCommand } from './server-command.js';

/**
 * A server under measurement: its own process, ports and data directory, ours or etcd with the same
 * settings, which are each one's defaults. It is ended the clean way, and its data goes with
 * `remove`.
 */

const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 60_000;
const POLL_MS = 10;
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

  constructor(kind: ServerKind, place: ServerPlace) {
    this.endpoint = localUrl(place.port);
    this.port = place.port;
    this.#folder = place.folder;
    [this.#command, ...this.#args] = serverCommand(kind, place);
  }

  /**
   * One alone, with an empty data directory in a folder below `parent`; not started yet.
   * @param flags settings that are not to be the defaults
   */
  static async create(
    kind: ServerKind,
    parent: string,
    flags: readonly string[] = [],
  ): Promise<ServerProcess> {
    const folder = await mkdtemp(join(parent, `${kind}-`));
    const [port, peerPort] = [await freePort(), await freePort()];
    const initialCluster = `bench=${localUrl(peerPort)}`;
    const place = { name: 'bench', folder, port, peerPort, initialCluster, flags };
    return new ServerProcess(kind, place);
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
    await this.#end('SIGTERM');
  }

  /** Ends the process by SIGKILL, in the middle of whatever it does; its data stays. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(STOP_WITHIN_MS) });
    child.kill(signal);
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
