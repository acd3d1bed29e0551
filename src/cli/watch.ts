import { type Command, Option } from 'commander';
import type { RevisionBatch, StoreEvent } from '../store/index.js';
import { eventToJson } from './json-record.js';
import { wholeNumber } from './numbers.js';
import type { Output, Piece } from './output.js';
import { type RangeFlags, rangeOf } from './range-arguments.js';
import { type CommonOptions, runWithStore, storeCommand } from './store-command.js';

interface WatchOptions extends CommonOptions, RangeFlags {
  readonly rev?: number;
  readonly prevKv?: boolean;
}

const EXAMPLES = `  $ tidelock watch app/colour
  $ tidelock watch --prefix app/ --prev-kv
  $ tidelock watch --prefix app/ --rev 12    # first what has happened since revision 12
  $ tidelock watch --prefix app/ -w json | jq -c '{revision, keys: [.events[].key]}'
`;

/** Adds `watch`: changes as they happen, until interrupted; one line of JSON is one revision. */
export function registerWatch(program: Command): void {
  storeCommand(program, 'watch', 'Print changes as they happen.', EXAMPLES)
    .argument('<key>')
    .argument('[end]', 'watch up to this key, without it')
    .option('--prefix', 'every key that begins with KEY')
    .option('--from-key', 'KEY and every key after it')
    .addOption(new Option('--rev <revision>', 'begin with this revision').argParser(wholeNumber))
    .option('--prev-kv', 'also print each pair as it was before')
    .action((key: string, end: string | undefined, options: WatchOptions) =>
      runWithStore(options, async (store, { output, interrupt }) => {
        const request = {
          ...rangeOf(key, end, options),
          startRevision: options.rev ?? 0,
          prevKv: options.prevKv === true,
        };
        interrupt.signal.throwIfAborted();
        return await new Promise<never>((_, reject) => {
          const subscription = store.watch(request).subscribe({
            next: (batch) => print(batch, output),
            error: reject,
          });
          interrupt.signal.addEventListener('abort', () => {
            subscription.unsubscribe();
            reject(interrupt.signal.reason as Error);
          });
        });
      }),
    );
}

function print({ revision, events }: RevisionBatch, output: Output): void {
  if (events.length === 0) return;
  output.write({ revision, events: events.map(eventToJson) }, () =>
    events.map((event) => toLine(revision, event, output)),
  );
}

/** `12 PUT app/colour blue`, and with the pair before: `12 PUT app/colour blue (was red)`. */
function toLine(revision: number, { type, kv, prevKv }: StoreEvent, output: Output): Piece {
  const parts: Piece[] = [`${revision} ${type.toUpperCase()} `, output.strong(kv.key)];
  if (type === 'put') parts.push(' ', kv.value);
  if (prevKv !== undefined) parts.push(' (was ', prevKv.value, ')');
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}
