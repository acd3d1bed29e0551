import { CliError } from './cli-error.js';
import { EXIT_CODE } from './exit-code.js';

/** What stands after `--` on a command line: a command to run. */
const SEPARATOR = '--';

/** The arguments before the separator, and those after it. */
export interface SplitArguments {
  readonly before: readonly string[];
  /** Empty when there is no command. */
  readonly command: readonly string[];
}

/**
 * Tells a program's own arguments from the command that it is to run. The parser hands both over in
 * one list; how many stand after the separator is only to be seen in the command line itself.
 */
export function splitArguments(
  given: readonly string[],
  argv: readonly string[] = process.argv,
): SplitArguments {
  const separator = argv.indexOf(SEPARATOR);
  const commandWords = separator === -1 ? 0 : argv.length - separator - 1;
  const before = given.slice(0, given.length - commandWords);
  return { before, command: given.slice(before.length) };
}

/** Refuses arguments that nobody asked for. @throws CliError */
export function refuseExcess(excess: readonly string[]): void {
  const [first] = excess;
  if (first === undefined) return;
  const message = `"${first}" is one argument too many; a command comes after "${SEPARATOR}"`;
  throw new CliError(EXIT_CODE.usage, message);
}
