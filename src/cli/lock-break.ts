import type { Lock } from '../recipes/index.js';
import { CliError } from './cli-error.js';
import { EXIT_CODE } from './exit-code.js';
import { identity } from './identity.js';
import { sinceText } from './since-text.js';
import type { CommandRun } from './store-command.js';

/** Who takes a lock away, and why. */
export interface BreakTerms {
  readonly by?: string;
  readonly reason?: string;
  readonly endsDelay?: boolean;
}

/** @throws CliError for flags that go with `--break` alone, or a command that it does not run */
export function checkBreak(
  { break: isBreak = false, by, reason, endsDelay }: BreakTerms & { readonly break?: boolean },
  command: readonly string[],
): void {
  const isAsked = (by ?? reason ?? endsDelay) !== undefined;
  if (!isBreak && isAsked) {
    throw new CliError(EXIT_CODE.usage, '--reason, --by and --ends-delay go with --break');
  }
  if (!isBreak) return;
  if (command.length > 0) throw new CliError(EXIT_CODE.usage, '--break runs no command');
  if ((reason ?? '') !== '') return;
  const message = '--break wants --reason, which whoever has the lock is told';
  throw new CliError(EXIT_CODE.usage, message);
}

/** Takes a lock away from whoever has it; the one who had it learns who did that and why. */
export async function breakLock(lock: Lock, terms: BreakTerms, run: CommandRun): Promise<number> {
  const { output, interrupt, connectTimeoutMs: timeoutMs } = run;
  const { by = identity(), reason = '', endsDelay = false } = terms;
  const bounded = { signal: interrupt.signal, timeoutMs };
  const broken = await lock.break({ by, reason, endsDelay, ...bounded });
  if (broken === undefined && endsDelay) {
    output.write({ state: 'broken', lock: lock.name, revision: null, holder: null }, () => [
      `nobody holds lock "${lock.name}", and no delay keeps it free`,
    ]);
    return EXIT_CODE.done;
  }
  if (broken === undefined) {
    output.remark(`nobody holds lock "${lock.name}"`);
    return EXIT_CODE.notAcquired;
  }
  const { key, fence, identity: who, sinceMs } = broken;
  const holder = { key, fence, identity: who, sinceMs: sinceMs ?? null };
  output.write({ state: 'broken', lock: lock.name, revision: null, holder }, () => [
    `lock "${lock.name}" was taken from ${who === '' ? key : who}, which had it${sinceText(sinceMs)}`,
  ]);
  return EXIT_CODE.done;
}
