/**
 * What is left of a run that failed, in a folder of its own: the history that was recorded, what
 * each member logged, and the members' data, so that somebody can find out why.
 */
import { cpSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterProcesses } from '../../support/cluster-processes.js';

/** @returns the folder, to name in the failure */
export function keepEvidence(cluster: ClusterProcesses, facts: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidelock-evidence-'));
  writeFileSync(join(folder, 'history.json'), JSON.stringify(facts, readable, 1));
  for (const { name, dataDir, process } of cluster.members) {
    writeFileSync(join(folder, `${name}.log`), process.log);
    if (existsSync(dataDir)) cpSync(dataDir, join(folder, name), { recursive: true });
  }
  return folder;
}

function readable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString(16);
  if (value instanceof Uint8Array) return new TextDecoder('latin1').decode(value);
  return value;
}
