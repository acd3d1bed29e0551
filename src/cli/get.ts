import { type Command, Option } from 'commander';
import type { KeyValue, RangeRequest, SortOrder, SortTarget } from '../store/index.js';
import { EXIT_CODE } from './exit-code.js';
import { kvToJson } from './json-record.js';
import { wholeNumber } from './numbers.js';
import type { Output, Piece } from './output.js';
import { isSingle, type RangeFlags, rangeOf } from './range-arguments.js';
import { type CommonOptions, runWithStore, storeCommand } from './store-command.js';
import { waitForAnswer } from './wait-for-answer.js';

interface GetOptions extends CommonOptions, RangeFlags {
  readonly rev?: number;
  readonly limit?: number;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly printValueOnly?: boolean;
  readonly sortBy?: SortTarget;
  readonly order?: 'ascend' | 'descend';
}

const EXAMPLES = `  $ tidelock get app/colour
  $ tidelock get app/colour --print-value-only
  $ tidelock get --prefix app/ --keys-only
  $ tidelock get a c                         # a <= key < c
  $ tidelock get app/colour --rev 12         # as it was at revision 12
  $ tidelock get --prefix app/ -w json | jq '.kvs[].value'
`;

/** Adds `get`: one key or a range, at one revision. */
export function registerGet(program: Command): void {
  storeCommand(program, 'get', 'Read one key or a range of keys.', EXAMPLES)
    .argument('<key>')
    .argument('[end]', 'read up to this key, without it')
    .option('--prefix', 'every key that begins with KEY')
    .option('--from-key', 'KEY and every key after it')
    .addOption(new Option('--rev <revision>', 'as it was then').argParser(wholeNumber))
    .addOption(new Option('--limit <pairs>', 'at most so many').argParser(wholeNumber))
    .option('--keys-only', 'leave the values out')
    .option('--count-only', 'only how many there are')
    .option('--print-value-only', 'leave the keys out')
    .addOption(
      new Option('--sort-by <target>').choices(['key', 'version', 'create', 'mod', 'value']),
    )
    .addOption(new Option('--order <order>').choices(['ascend', 'descend']))
    .action((key: string, end: string | undefined, options: GetOptions) =>
      runWithStore(options, async (store, run) => {
        const { output } = run;
        const request = requestOf(key, end, options);
        const result = await waitForAnswer(run, store.range(request));
        const { count, more, kvs } = result;
        const pairs = options.countOnly === true ? undefined : kvs.map((kv) => toJson(kv, options));
        output.write({ revision: result.header.revision, count, more, kvs: pairs }, () =>
          options.countOnly === true
            ? [String(count)]
            : kvs.flatMap((kv) => toLines(kv, options, output)),
        );
        if (count > 0 || !isSingle(request) || options.countOnly === true) return EXIT_CODE.done;
        const when = options.rev === undefined ? '' : ` at revision ${options.rev}`;
        output.remark(`there is no key "${key}"${when}; --prefix looks for keys that begin so`);
        return EXIT_CODE.notAcquired;
      }),
    );
}

function requestOf(key: string, end: string | undefined, options: GetOptions): RangeRequest {
  const { order, sortBy } = options;
  const sortOrder: SortOrder = order ?? (sortBy === undefined ? 'none' : 'ascend');
  return {
    ...rangeOf(key, end, options),
    ...(options.rev === undefined ? {} : { revision: options.rev }),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    sortTarget: sortBy ?? 'key',
    sortOrder,
    keysOnly: options.keysOnly === true,
    countOnly: options.countOnly === true,
  };
}

function toJson(kv: KeyValue, options: GetOptions): ReturnType<typeof kvToJson> {
  const pair = kvToJson(kv);
  if (options.keysOnly !== true) return pair;
  const { value: _value, ...rest } = pair;
  return rest;
}

function toLines(kv: KeyValue, options: GetOptions, output: Output): readonly Piece[] {
  const lines: Piece[] = [];
  if (options.printValueOnly !== true) lines.push(output.strong(kv.key));
  if (options.keysOnly !== true) lines.push(kv.value);
  return lines;
}
