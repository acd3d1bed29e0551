import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { ROOT } from './paths.js';
import { etcdVersion, goVersion } from './peers.js';

/**
 * The machine and the versions that a result is true of. It asks the machine and writes nothing.
 */
export interface MachineDescription {
  readonly cores: number;
  readonly cpuModel: string;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly tidelock: string;
  /** Absent where there is none. */
  readonly etcd?: string;
  readonly go?: string;
  readonly goClient?: string;
  readonly npmEtcd3: string;
  readonly npmLmdb: string;
  readonly npmGrpcJs: string;
}

export async function describeMachine(): Promise<MachineDescription> {
  const cores = cpus();
  const [etcd, go] = await Promise.all([etcdVersion(), goVersion()]);
  const goClient = /client\/v3 (v[\d.]+)/.exec(read('bench/load/go.mod'))?.[1];
  return {
    cores: cores.length,
    cpuModel: cores[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    kernel: release(),
    node: process.version,
    tidelock: versionIn('package.json'),
    ...(etcd === undefined ? {} : { etcd }),
    ...(go === undefined ? {} : { go }),
    ...(goClient === undefined ? {} : { goClient }),
    npmEtcd3: versionIn('node_modules/etcd3/package.json'),
    npmLmdb: versionIn('node_modules/lmdb/package.json'),
    npmGrpcJs: versionIn('node_modules/@grpc/grpc-js/package.json'),
  };
}

/** One line, for the terminal and the table. */
export function machineLine(machine: MachineDescription): string {
  const { cores, cpuModel, memoryGib, node, etcd, goClient, npmEtcd3, npmLmdb } = machine;
  return [
    `${cores} cores (${cpuModel}), ${memoryGib} GiB, Linux ${machine.kernel}, Node ${node}`,
    `tidelock ${machine.tidelock}, etcd ${etcd ?? 'none'}, Go client ${goClient ?? 'none'}`,
    `npm etcd3 ${npmEtcd3}, lmdb ${npmLmdb}, grpc-js ${machine.npmGrpcJs}`,
  ].join('; ');
}

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

function versionIn(path: string): string {
  return (JSON.parse(read(path)) as { readonly version: string }).version;
}
