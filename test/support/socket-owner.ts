/**
 * Finds which of a few processes of this machine has the other end of a connection, from what Linux
 * says in /proc. So a proxy can tell members apart although all dial the same address, and members
 * need to know nothing of it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';

/** The first of `pids` that holds the other end of `socket`; undefined when none does. */
export function socketOwner(socket: Socket, pids: readonly number[]): number | undefined {
  const inode = inodeOf(socket.remotePort ?? 0, socket.localPort ?? 0);
  if (inode === undefined) return undefined;
  return pids.find((pid) => holds(pid, `socket:[${inode}]`));
}

function inodeOf(localPort: number, remotePort: number): string | undefined {
  const wanted = [localPort, remotePort].map((port) => port.toString(16).padStart(4, '0'));
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of textOf(table).split('\n')) {
      const columns = line.trim().split(/\s+/);
      const ports = [columns[1], columns[2]].map((text) => text?.split(':')[1]?.toLowerCase());
      if (ports[0] === wanted[0] && ports[1] === wanted[1] && columns[9] !== '0') return columns[9];
    }
  }
  return undefined;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Not Linux, or no IPv6: then nobody is found there.
    return '';
  }
}

function holds(pid: number, link: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((name) => {
      try {
        return readlinkSync(`${folder}/${name}`) === link;
      } catch {
        // Closed between the two looks.
        return false;
      }
    });
  } catch {
    // The process has ended.
    return false;
  }
}
