import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROGRAM } from './paths.js';
import { etcdProgram } from './peers.js';

/**
 * How a server under measurement is started, ours or etcd: the same flags for both, since ours has
 * etcd's, and for the rest each one's defaults. It starts nothing.
 */

export type ServerKind = 'tidelock' | 'etcd';

/** Where one member lives, and who is in its cluster. */
export interface ServerPlace {
  readonly name: string;
  /** A folder of its own; the data goes into a folder within. */
  readonly folder: string;
  readonly port: number;
  readonly peerPort: number;
  /** `--initial-cluster` of all members. */
  readonly initialCluster: string;
  /** Settings that are not to be the defaults. */
  readonly flags: readonly string[];
}

export type CommandLine = readonly [command: string, ...args: string[]];

/** The address of a port on this machine, as the flags want it. */
export function localUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** The program and its arguments. */
export function serverCommand(kind: ServerKind, place: ServerPlace): CommandLine {
  const endpoint = localUrl(place.port);
  const peer = localUrl(place.peerPort);
  const program: CommandLine =
    kind === 'etcd' ? [etcdProgram()] : [process.execPath, fileURLToPath(PROGRAM), 'serve'];
  return [
    ...program,
    ...['--name', place.name, '--data-dir', join(place.folder, 'data')],
    ...['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', place.initialCluster, '--log-level', 'error'],
    ...place.flags,
  ];
}
