import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineDescription } from './machine.js';
import type { MeasureResult } from './statistics.js';

/**
 * The result of a row as it is kept: everything that the table tells, and the single readings, so
 * that they can be looked at again.
 */
export interface RowResult {
  readonly name: string;
  readonly title: string;
  readonly peer: string;
  /** The day, in UTC. */
  readonly date: string;
  readonly pairs: number;
  readonly seconds: number;
  readonly scale: number;
  readonly machine: MachineDescription;
  readonly measures: readonly MeasureResult[];
}

/** Writes `<row>.json` into `folder`, over an older one. */
export function writeResult(folder: string, result: RowResult): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${result.name}.json`);
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}

/** All results in `folder`, by the number of their row; none when it is not there. */
export function readResults(folder: string): readonly RowResult[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => /^row-\d\d-[a-z0-9-]+\.json$/.test(file))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as RowResult);
}
