import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import { coordinate, type RebootGroup, type RebootStatus } from '../recipes/index.js';
import { BOOT_ID_FILE, bootIdIn } from './boot-id.js';
import { EXIT_CODE } from './exit-code.js';
import { identity } from './identity.js';
import { statusLines, statusRecord } from './reboot-status.js';
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

/** What a command that changes something may be told. */
export interface RebootChange extends RebootOptions {
  readonly by?: string;
  readonly reason?: string;
}

/** A group, and what a command has to work with. */
export interface RebootRun extends CommandRun {
  /** How long a command that does not wait may take. */
  readonly bounded: { readonly signal: AbortSignal; readonly timeoutMs: number };
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

/** The same for a command that changes something, which the audit trail will tell. */
export function rebootChange(
  reboot: Command,
  name: string,
  description: string,
  examples: string,
): Command {
  return rebootCommand(reboot, name, description, examples)
    .option('--reason <text>', 'why, for those who look at the status or the log')
    .option('--by <who>', 'who does it (default: host and process id)');
}

/** Runs a command with the slots of its group. */
export function runWithGroup(
  options: RebootOptions,
  work: (group: RebootGroup, run: RebootRun) => Promise<number>,
): Promise<void> {
  return runWithStore(options, async (store, run) => {
    await using coord = coordinate(store, { identity: identity() });
    const bounded = { signal: run.interrupt.signal, timeoutMs: run.connectTimeoutMs };
    return await work(coord.reboots(options.group), { ...run, bounded });
  });
}

/** The machine that a command is about. */
export function nodeOption(): Option {
  return new Option('--node <node>', 'the machine').default(hostname(), 'this host');
}

/** Who does something and why, as far as the person said. */
export function actorOf({ by, reason }: RebootChange): {
  readonly by?: string;
  readonly reason?: string;
} {
  return { ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) };
}

/** The boot id of a machine, if it is this one and its system tells. */
export async function bootIdOf(node: string): Promise<{ readonly bootId?: string }> {
  const bootId = node === hostname() ? await bootIdIn(BOOT_ID_FILE) : '';
  return bootId === '' ? {} : { bootId };
}

/** Shows a group as it is after a change. */
export async function showStatus(reboots: RebootGroup, run: RebootRun): Promise<number> {
  const status: RebootStatus = await reboots.status(run.bounded);
  run.output.write(statusRecord(status), () => statusLines(status));
  return EXIT_CODE.done;
}
