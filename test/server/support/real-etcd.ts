// A real etcd for a test to compare with, in a directory of its own on a free port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RealEtcd {
  readonly address: string;
  stop(): Promise<void>;
}

export async function startRealEtcd(): Promise<RealEtcd> {
  const dataDir = await mkdtemp(join(tmpdir(), 'etcd-compared-'));
  const [client, peer] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
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
  for (let attempt = 0; !(await isHealthy(client)); attempt++) {
    if (attempt > 200) throw new Error('etcd did not become healthy');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    address: client,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function isHealthy(address: string): Promise<boolean> {
  try {
    return (await fetch(`http://${address}/health`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
