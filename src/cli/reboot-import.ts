import { type Command, Option } from 'commander';
import {
  coordinate,
  type ForeignSemaphore,
  type ForeignSource,
  foreignPrefixes,
  readForeignSemaphore,
} from '../recipes/index.js';
import { prefix, type Store } from '../store/index.js';
import { EXIT_CODE } from './exit-code.js';
import { identity } from './identity.js';
import {
  type CommandRun,
  type CommonOptions,
  runWithStore,
  storeCommand,
} from './store-command.js';

interface RebootImportOptions extends CommonOptions {
  readonly fromEndpoints?: string;
  readonly dryRun: boolean;
}

const EXAMPLES = `  $ tidelock reboot import airlock --dry-run
  $ tidelock reboot import airlock --from-endpoints http://old-etcd:2379
  $ tidelock reboot import locksmith          # its keys, after etcd moved them to version 3

Sets how many may reboot at a time in each group that it finds, and gives a slot to each machine
that has one there. What it read stays as it is; running it again changes nothing that is done
already. Stop the old program first: two that give slots away know nothing of each other.
`;

/** Adds `reboot import`: takes over the semaphores that another program left in an etcd. */
export function registerRebootImport(reboot: Command): void {
  const command = storeCommand(
    reboot,
    'import',
    'Take over the slots of locksmith or airlock.',
    EXAMPLES,
  );
  command
    .addArgument(
      command.createArgument('<program>', 'who kept the slots').choices(['locksmith', 'airlock']),
    )
    .addOption(new Option('--from-endpoints <urls>', 'where they lie (default: --endpoints)'))
    .option('--dry-run', 'show what would be done', false)
    .action((source: ForeignSource, options: RebootImportOptions) =>
      runWithStore(options, async (store, run) => {
        const found = await findAll(source, store, options, run);
        if (!options.dryRun) await takeOver(found, store, run);
        for (const one of found) report(one, options.dryRun, run);
        if (found.length > 0) return EXIT_CODE.done;
        const where = foreignPrefixes(source).join(' or ');
        run.output.remark(`there is no semaphore of ${source} under ${where}`);
        return EXIT_CODE.notAcquired;
      }),
    );
}

/** Everything is read and checked before anything is done. */
async function findAll(
  source: ForeignSource,
  store: Store,
  { fromEndpoints }: RebootImportOptions,
  run: CommandRun,
): Promise<readonly ForeignSemaphore[]> {
  if (fromEndpoints === undefined) return await readAll(source, store);
  const { interrupt, connectTimeoutMs: timeoutMs } = run;
  const { connect } = await import('../client/index.js');
  await using other = await connect(fromEndpoints, { timeoutMs, signal: interrupt.signal });
  return await readAll(source, other);
}

async function readAll(source: ForeignSource, store: Store): Promise<readonly ForeignSemaphore[]> {
  const found: ForeignSemaphore[] = [];
  for (const under of foreignPrefixes(source)) {
    const { kvs } = await store.range(prefix(under));
    for (const kv of kvs) {
      const one = readForeignSemaphore(source, kv);
      if (one !== undefined) found.push(one);
    }
  }
  return found;
}

async function takeOver(
  found: readonly ForeignSemaphore[],
  store: Store,
  { interrupt }: CommandRun,
): Promise<void> {
  await using coord = coordinate(store, { identity: identity() });
  const { signal } = interrupt;
  for (const { source, group, max, holders } of found) {
    const reboots = coord.reboots(group);
    await reboots.setMax(max, { signal, reason: `as in ${source}` });
    for (const node of holders) {
      await reboots.force({ node, signal, reason: `had a slot in ${source}` });
    }
  }
}

function report(one: ForeignSemaphore, isDry: boolean, { output }: CommandRun): void {
  const { source, key, group, max, holders } = one;
  const state = isDry ? 'found' : 'imported';
  output.write({ state, source, key, group, max, holders, revision: null }, () => [
    `${state} group ${group}: ${max} at a time, ${
      holders.length === 0 ? 'nobody has a slot' : `slots of ${holders.join(', ')}`
    }`,
  ]);
}
