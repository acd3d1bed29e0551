import type { Command } from 'commander';

/**
 * The sub-commands, in the order of the help, and where each is. A command's file is loaded when
 * the command is wanted: a server does not need the client, nor a client the server, and to load
 * either takes longer than most commands run.
 */

type Register = (program: Command) => void;

export const COMMANDS: ReadonlyMap<string, () => Promise<Register>> = new Map([
  ['serve', async () => (await import('./serve.js')).registerServe],
  ['cluster', async () => (await import('./cluster.js')).registerCluster],
  ['get', async () => (await import('./get.js')).registerGet],
  ['put', async () => (await import('./put.js')).registerPut],
  ['del', async () => (await import('./del.js')).registerDel],
  ['watch', async () => (await import('./watch.js')).registerWatch],
  ['lock', async () => (await import('./lock.js')).registerLock],
  ['elect', async () => (await import('./elect.js')).registerElect],
  ['config', async () => (await import('./config.js')).registerConfig],
  ['reboot', async () => (await import('./reboot.js')).registerReboot],
  ['explain', async () => (await import('./explain.js')).registerExplain],
  ['member', async () => (await import('./member.js')).registerMember],
  ['move-leader', async () => (await import('./move-leader.js')).registerMoveLeader],
  ['alarm', async () => (await import('./alarm.js')).registerAlarm],
  ['snapshot', async () => (await import('./snapshot.js')).registerSnapshot],
  ['status', async () => (await import('./status.js')).registerStatus],
]);

/**
 * Adds the one command that the first word names. Any other first word (a flag, `help`, a slip of
 * the finger) may want to know of every command, and of the version: it gets them all.
 */
export async function registerCommands(program: Command, words: readonly string[]): Promise<void> {
  const named = COMMANDS.get(words[0] ?? '');
  if (named !== undefined) {
    (await named())(program);
    return;
  }
  const { TIDELOCK_VERSION } = await import('../server/index.js');
  program.version(`tidelock ${TIDELOCK_VERSION}`, '-V, --version', 'print the version');
  for (const load of COMMANDS.values()) (await load())(program);
}
