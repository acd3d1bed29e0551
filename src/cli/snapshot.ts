import { type Command, Option } from 'commander';
import { EXIT_CODE_HELP } from './exit-code.js';
import type { FileOptions } from './file-options.js';
import { wholeNumber } from './numbers.js';
import { saveSnapshot } from './snapshot-save.js';
import { type CommonOptions, runCommand, storeCommand } from './store-command.js';

const EXAMPLES = `
Examples:
  $ tidelock snapshot save backup.db --endpoints http://10.0.0.1:2379
  $ tidelock snapshot status backup.db
  $ tidelock snapshot restore backup.db --data-dir /var/lib/tidelock

A snapshot is the whole state of one member at one revision: keys with the history that is kept,
leases, alarms. A restore makes a new cluster from it, under new ids.
`;

/** Adds `snapshot` and what is under it: a member's state as a file, and back. */
export function registerSnapshot(program: Command): void {
  const snapshot = program
    .command('snapshot')
    .description('Save the state of a member to a file, look at it, begin a cluster with it.')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXAMPLES);
  registerSave(snapshot);
  registerStatus(snapshot);
  registerRestore(snapshot);
}

function registerSave(snapshot: Command): void {
  const examples = `  $ tidelock snapshot save backup.db --endpoints http://10.0.0.1:2379
  $ tidelock snapshot save "backup-$(date +%F).db" -w json | jq .sha256
`;
  storeCommand(snapshot, 'save', 'Save the state of one member to a file.', examples)
    .argument('<file>', 'replaced when it is there, once the whole state has arrived')
    .action((path: string, options: CommonOptions) =>
      runCommand(options, (run) => saveSnapshot(path, run)),
    );
}

function registerStatus(snapshot: Command): void {
  const examples = `  $ tidelock snapshot status backup.db
  $ tidelock snapshot status backup.db -w json | jq .revision
`;
  fileCommand(snapshot, 'status', 'Read a snapshot to its end and show what it holds.', examples)
    .argument('<file>', 'as `snapshot save` or `etcdctl snapshot save` wrote it')
    .action((path: string, options: FileOptions) =>
      runOnFile(options, async (run) => {
        const { showSnapshot } = await import('./snapshot-status.js');
        return await showSnapshot(path, options, run);
      }),
    );
}

function registerRestore(snapshot: Command): void {
  const examples = `  $ tidelock snapshot restore backup.db --data-dir /var/lib/tidelock
  $ tidelock serve --data-dir /var/lib/tidelock

A cluster of three: on each machine with its own --name and --initial-advertise-peer-urls
  $ tidelock snapshot restore backup.db --name a --initial-cluster-token after-the-fire \\
      --initial-cluster a=http://10.0.0.1:2380,b=http://10.0.0.2:2380,c=http://10.0.0.3:2380 \\
      --initial-advertise-peer-urls http://10.0.0.1:2380

Clients that saw later revisions than the snapshot has: go on beyond all of them, and let their
watches know that history was lost
  $ tidelock snapshot restore backup.db --bump-revision 1000000000 --mark-compacted
`;
  fileCommand(snapshot, 'restore', 'Begin a new cluster with the state in a file.', examples)
    .argument('<file>')
    .option('--data-dir <path>', 'a new directory (default: <name>.tidelock)')
    .option('--name <name>', 'the name of the member', 'default')
    .option('--initial-cluster <list>', 'all members as name=url,… (default: this one alone)')
    .option('--initial-cluster-token <token>', 'makes the ids unlike those of other clusters')
    .option('--initial-advertise-peer-urls <urls>', 'where other members will reach this one')
    .addOption(
      new Option('--bump-revision <count>', 'add this to the revision').argParser(wholeNumber),
    )
    .option('--mark-compacted', 'goes with --bump-revision: all before counts as compacted')
    .action((path: string, options: FileOptions) =>
      runOnFile(options, async (run) => {
        const { runRestore } = await import('./snapshot-restore.js');
        return await runRestore(path, options, run);
      }),
    );
}

/** A sub-command that talks to no server. */
function fileCommand(
  parent: Command,
  name: string,
  description: string,
  examples: string,
): Command {
  return parent
    .command(name)
    .description(description)
    .helpOption('-h, --help', 'print this help')
    .addOption(
      new Option('-w, --write-out <format>', 'how to write results')
        .choices(['simple', 'json'])
        .default('simple'),
    )
    .option('--skip-hash-check', 'take a file that does not end in its hash')
    .addHelpText('after', `\nExamples:\n${examples}${EXIT_CODE_HELP}`);
}

function runOnFile(options: FileOptions, work: Parameters<typeof runCommand>[1]): Promise<void> {
  return runCommand({ ...options, connectTimeout: 0 }, work);
}
