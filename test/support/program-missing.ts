/**
 * Says whether a program that a test compares with is on PATH. It only looks, it starts nothing.
 * Made for `skipWhen(this, programMissing('etcd'))`.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Undefined when `program` can be run from PATH, otherwise the reason to skip, as a sentence. */
export function programMissing(program: string): string | undefined {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    if (directory === '') continue;
    try {
      accessSync(join(directory, program), constants.X_OK);
      return undefined;
    } catch {
      // Not in this directory: the next one may have it.
    }
  }
  return `${program} is not on PATH (scripts/setup-test-machine.sh installs it)`;
}
