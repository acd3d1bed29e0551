import { type Command, Option } from 'commander';
import { CliError } from './cli-error.js';
import { EXIT_CODE } from './exit-code.js';
import { seconds, wholeNumber } from './numbers.js';
import type { CommonOptions } from './store-command.js';

/** What the commands that hold something share; times are in seconds. */
export interface HoldOptions extends CommonOptions {
  readonly ttl: number;
  readonly timeout?: number;
  readonly grace: number;
}

const TTL_SECONDS = 15;
const GRACE_SECONDS = 5;

export function holdOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--ttl <seconds>', 'how long it outlives this process, if that is killed')
        .argParser(wholeNumber)
        .default(TTL_SECONDS),
    )
    .addOption(
      new Option('--timeout <seconds>', 'wait no longer than that for it').argParser(seconds),
    )
    .addOption(
      new Option('--grace <seconds>', 'what a command that has to end gets until it is killed')
        .argParser(seconds)
        .default(GRACE_SECONDS),
    );
}

/** @throws CliError for a TTL of 0 */
export function ttlSeconds({ ttl }: HoldOptions): number {
  if (ttl > 0) return ttl;
  throw new CliError(EXIT_CODE.usage, '--ttl 0 is no time at all; give at least 1 second');
}
