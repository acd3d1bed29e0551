import type { Command } from 'commander';
import { EXIT_CODE } from './exit-code.js';
import { kvToJson } from './json-record.js';
import { type RangeFlags, rangeOf } from './range-arguments.js';
import { type CommonOptions, runWithStore, storeCommand } from './store-command.js';
import { waitForAnswer } from './wait-for-answer.js';

interface DelOptions extends CommonOptions, RangeFlags {
  readonly prevKv?: boolean;
}

const EXAMPLES = `  $ tidelock del app/colour
  $ tidelock del --prefix app/               # all of them in one revision
  $ tidelock del app/colour --prev-kv        # also prints what was deleted
`;

/** Adds `del`: one key or a range, in one revision. Deleting nothing is no failure. */
export function registerDel(program: Command): void {
  storeCommand(program, 'del', 'Delete one key or a range of keys.', EXAMPLES)
    .argument('<key>')
    .argument('[end]', 'delete up to this key, without it')
    .option('--prefix', 'every key that begins with KEY')
    .option('--from-key', 'KEY and every key after it')
    .option('--prev-kv', 'also print the deleted pairs')
    .action((key: string, end: string | undefined, options: DelOptions) =>
      runWithStore(options, async (store, run) => {
        const { output } = run;
        const prevKv = options.prevKv === true;
        const range = rangeOf(key, end, options);
        const { header, deleted, prevKvs } = await waitForAnswer(
          run,
          store.delete({ ...range, prevKv }),
        );
        output.write(
          {
            revision: header.revision,
            deleted,
            prevKvs: prevKv ? prevKvs.map(kvToJson) : undefined,
          },
          () => [
            `deleted ${deleted} revision ${header.revision}`,
            ...prevKvs.flatMap((kv) => [output.strong(kv.key), kv.value]),
          ],
        );
        return EXIT_CODE.done;
      }),
    );
}
