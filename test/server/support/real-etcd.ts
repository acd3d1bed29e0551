// A real etcd for a test to compare with, in a directory of its own on a free port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { scratchFolder } from '../../support/scratch-folder.js';
import { freePorts } from './free-ports.js';
import { until } from './until.js';

export interface RealEtcd {
  readonly address: string;
  stop(): Promise<void>;
}

export async function startRealEtcd(): Promise<RealEtcd> {
  const dataDir = await mkdtemp(join(scratchFolder(), 'etcd-compared-'));
  const ports = await freePorts(2);
  const [client = '', peer = ''] = ports.map((port) => `127.0.0.1:${port}`);
  const urls = {
    'listen-client-urls': `http://${client}`,
    'advertise-client-urls': `http://${client}`,
    'listen-peer-urls': `http://${peer}`,
    'initial-advertise-peer-urls': `http://${peer}`,
    'initial-cluster': `default=http://${peer}`,
  };
  const flags = Object.entries(urls).flatMap(([name, value]) => [`--${name}`, value]);
  const child: ChildProcess = spawn('etcd', ['--data-dir', dataDir, ...flags], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await until('a healthy etcd', () => isHealthy(client));
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: client, stop };
}

async function isHealthy(address: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(1000);
    return (await fetch(`http://${address}/health`, { signal })).ok;
  } catch {
    return false;
  }
}
