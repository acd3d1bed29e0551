import { readFile } from 'node:fs/promises';
import { errnoOf } from './disk-failure.js';

/**
 * Tells a process from a later one with the same number, and from one before a restart of the
 * machine. Where the machine keeps no /proc the number alone has to do.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start of the process in clock ticks after boot; `0` where that is not known. */
  readonly start: string;
  /** Hexadecimal digits that differ with each boot; `0` where there is no such thing. */
  readonly boot: string;
}

const UNKNOWN = '0';

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    // Another kind of system, or a process that has ended: either way nothing is known.
    return undefined;
  }
}

interface ProcessStatus {
  readonly state: string;
  readonly start: string;
}

/**
 * From /proc/<pid>/stat; the name in it may hold spaces and brackets, so fields count from its end.
 */
async function statusOf(pid: number): Promise<ProcessStatus | undefined> {
  const text = await readIfThere(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', start: fields[19] ?? UNKNOWN };
}

async function bootIdentity(): Promise<string> {
  const text = await readIfThere('/proc/sys/kernel/random/boot_id');
  return text?.replaceAll(/[^0-9a-f]/g, '') ?? UNKNOWN;
}

/** The identity of this process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  const status = await statusOf(process.pid);
  return { pid: process.pid, start: status?.start ?? UNKNOWN, boot: await bootIdentity() };
}

/** Whether that very process still runs. True when it cannot be told. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const boot = await bootIdentity();
  if (boot !== UNKNOWN && identity.boot !== UNKNOWN && boot !== identity.boot) return false;
  try {
    process.kill(identity.pid, 0);
  } catch (failure) {
    if (errnoOf(failure) === 'ESRCH') return false;
    // EPERM: it runs and belongs to another user.
  }
  const status = await statusOf(identity.pid);
  if (status === undefined) return true;
  if (status.state === 'Z' || status.state === 'X') return false;
  return identity.start === UNKNOWN || status.start === identity.start;
}
