/**
 * A real etcd of one member for a test: its own process, ports and folder, gone when the test stops
 * it. Tests that need one begin with `skipWhen(this, etcdMissing())`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../server/support/free-ports.js';
import { programMissing } from './program-missing.js';
import { scratchFolder } from './scratch-folder.js';

const READY_WITHIN_MS = 40_000;
const STOP_WITHIN_MS = 30_000;
const LOG_TAIL_CHARACTERS = 2000;

export interface EtcdProcess {
  /** Where clients connect: `http://127.0.0.1:<port>`. */
  readonly endpoint: string;
  /** Kills the process and waits for its end; its data stays for `start`. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data, and waits until it serves. */
  start(): Promise<void>;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
}

/** The reason why no etcd can be started here; undefined when one can. */
export function etcdMissing(): string | undefined {
  return programMissing('etcd');
}

/** Resolves when it serves. @param parent the folder that its data folder is made in */
export async function startEtcd(parent = scratchFolder()): Promise<EtcdProcess> {
  const folder = await mkdtemp(join(parent, 'tidelock-etcd-'));
  const ports = await freePorts(2);
  const [endpoint = '', peer = ''] = ports.map((port) => `http://127.0.0.1:${port}`);
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn('etcd', etcdFlags(folder, endpoint, peer), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await untilReady(child, endpoint);
  };
  const kill = async (): Promise<void> => {
    if (child !== undefined) await end(child, 'SIGKILL');
    child = undefined;
  };
  const stop = async (): Promise<void> => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, kill, start, stop };
}

function etcdFlags(folder: string, endpoint: string, peer: string): string[] {
  return [
    ...['--name', 'test', '--data-dir', folder],
    ...['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', `test=${peer}`, '--log-level', 'error'],
  ];
}

async function untilReady(child: ChildProcess, endpoint: string): Promise<void> {
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-LOG_TAIL_CHARACTERS);
  });
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) break;
    if (await isHealthy(endpoint)) return;
    await sleep(25);
  }
  await end(child, 'SIGKILL');
  throw new Error(`etcd did not come up on ${endpoint}: ${log}`);
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const answer = await fetch(`${endpoint}/health`, { signal: AbortSignal.timeout(1000) });
    return answer.ok && (await answer.text()).includes('true');
  } catch {
    // Not listening yet.
    return false;
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit', { signal: AbortSignal.timeout(STOP_WITHIN_MS) });
  child.kill(signal);
  await exited;
}
