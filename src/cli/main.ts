#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { TIDELOCK_VERSION } from '../server/index.js';
import { registerDel } from './del.js';
import { registerElect } from './elect.js';
import { EXIT_CODE } from './exit-code.js';
import { registerGet } from './get.js';
import { registerLock } from './lock.js';
import { registerPut } from './put.js';
import { registerReboot } from './reboot.js';
import { registerServe } from './serve.js';
import { registerStatus } from './status.js';
import { usageLine } from './usage-line.js';
import { registerWatch } from './watch.js';

/**
 * The command line's entrance: one program, each sub-command registered by a file of its own. What
 * the parser refuses ends here, as one line and the exit code for usage.
 */
const program = new Command('tidelock')
  .description('Coordination primitives on an etcd-compatible store.')
  .version(`tidelock ${TIDELOCK_VERSION}`, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .showSuggestionAfterError(true)
  .enablePositionalOptions()
  .configureOutput({ outputError: (text, write) => write(usageLine(text)) })
  .exitOverride();

registerServe(program);
registerGet(program);
registerPut(program);
registerDel(program);
registerWatch(program);
registerLock(program);
registerElect(program);
registerReboot(program);
registerStatus(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed what there is to say.
  process.exitCode = error.exitCode === 0 ? 0 : EXIT_CODE.usage;
}
