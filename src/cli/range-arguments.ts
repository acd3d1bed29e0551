import { fromKey, type KeyRange, prefix } from '../store/index.js';
import { CliError } from './cli-error.js';
import { EXIT_CODE } from './exit-code.js';

/** The flags that make a range of a key. */
export interface RangeFlags {
  readonly prefix?: boolean;
  readonly fromKey?: boolean;
}

/** The keys that `KEY [END] [--prefix | --from-key]` means. */
export function rangeOf(key: string, end: string | undefined, flags: RangeFlags): KeyRange {
  const ways = [
    end === undefined ? undefined : `END "${end}"`,
    flags.prefix === true ? '--prefix' : undefined,
    flags.fromKey === true ? '--from-key' : undefined,
  ].filter((way) => way !== undefined);
  if (ways.length > 1) throw usage(`${ways.join(' and ')} exclude each other; give one of them`);
  if (flags.prefix === true) return prefix(key);
  if (flags.fromKey === true) return fromKey(key);
  if (key === '') throw usage('the key is empty; give one, or --prefix for every key');
  return end === undefined ? { key } : { key, rangeEnd: end };
}

/** Whether the range is a single key. */
export function isSingle(range: KeyRange): boolean {
  return range.rangeEnd === undefined;
}

function usage(message: string): CliError {
  return new CliError(EXIT_CODE.usage, message);
}
