import { buffer } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import { CliError } from './cli-error.js';
import { EXIT_CODE } from './exit-code.js';
import { kvToJson } from './json-record.js';
import { leaseId } from './numbers.js';
import { type CommonOptions, runWithStore, storeCommand } from './store-command.js';
import { waitForAnswer } from './wait-for-answer.js';

interface PutOptions extends CommonOptions {
  readonly lease?: bigint;
  readonly prevKv?: boolean;
}

const EXAMPLES = `  $ tidelock put app/colour blue
  $ tidelock put app/config - < config.json  # the value from standard input
  $ tidelock put app/colour green --prev-kv  # also prints what it was
  $ tidelock put offset -- -5                # a value that begins with a dash
`;

/** Adds `put`: one key, its value from the command line or from standard input. */
export function registerPut(program: Command): void {
  storeCommand(program, 'put', 'Set a key.', EXAMPLES)
    .argument('<key>')
    .argument('[value]', '"-", or nothing in a pipe: read standard input, byte for byte')
    .addOption(
      new Option('--lease <id>', 'attach the key to a lease (hexadecimal)').argParser(leaseId),
    )
    .option('--prev-kv', 'also print the pair as it was before')
    .action((key: string, value: string | undefined, options: PutOptions) =>
      runWithStore(options, async (store, run) => {
        if (key === '') throw new CliError(EXIT_CODE.usage, 'the key is empty; give one');
        const request = {
          key,
          value: await valueOf(key, value),
          lease: options.lease ?? 0n,
          prevKv: options.prevKv === true,
        };
        const { header, prevKv } = await waitForAnswer(run, store.put(request));
        const { output } = run;
        output.write(
          {
            revision: header.revision,
            prevKv: options.prevKv === true ? ((prevKv && kvToJson(prevKv)) ?? null) : undefined,
          },
          () => [
            `OK revision ${header.revision}`,
            ...(prevKv === undefined ? [] : [output.strong(prevKv.key), prevKv.value]),
          ],
        );
        return EXIT_CODE.done;
      }),
    );
}

async function valueOf(key: string, value: string | undefined): Promise<string | Uint8Array> {
  if (value !== undefined && value !== '-') return value;
  if (value === undefined && process.stdin.isTTY) {
    const message = `key "${key}" has no value; give one, or - to type it and end with Ctrl-D`;
    throw new CliError(EXIT_CODE.usage, message);
  }
  return await buffer(process.stdin);
}
