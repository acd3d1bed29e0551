import type { Trace } from '../ports/trace.js';
import type { World } from './member.js';

/** Locks a data directory and opens what is in it, on this machine. */
export async function openMachine(dataDir: string, trace: Trace): Promise<World> {
  trace.event('debug', 'dataDirectoryOpening', { dataDir });
  throw new Error('no backend yet');
}
