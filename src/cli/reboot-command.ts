import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import { coordinate, type RebootGroup } from '../recipes/index.js';
import { identity } from './identity.js';
import {
  type CommandRun,
  type CommonOptions,
  runWithStore,
  storeCommand,
} from './store-command.js';

/** What every `reboot` command may be told. */
export interface RebootOptions extends CommonOptions {
  readonly group: string;
}

const DEFAULT_GROUP = 'default';

/** A command under `reboot`, with the group that it is about. */
export function rebootCommand(
  reboot: Command,
  name: string,
  description: string,
  examples: string,
): Command {
  return storeCommand(reboot, name, description, examples).addOption(
    new Option('--group <group>', 'the machines that share the slots').default(DEFAULT_GROUP),
  );
}

/** Runs a command with the slots of its group. */
export function runWithGroup(
  options: RebootOptions,
  work: (group: RebootGroup, run: CommandRun) => Promise<number>,
): Promise<void> {
  return runWithStore(options, async (store, run) => {
    await using coord = coordinate(store, { identity: identity() });
    return await work(coord.reboots(options.group), run);
  });
}

/** The machine that a command is about. */
export function nodeOption(): Option {
  return new Option('--node <node>', 'the machine').default(hostname(), 'this host');
}
