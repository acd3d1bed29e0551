#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { TIDELOCK_VERSION } from '../server/index.js';
import { registerServe } from './serve.js';

/**
 * The command line's entrance: one program, each sub-command registered by a file of its own. Holds
 * the exit codes of the command line itself: 2 for a command or flag that does not exist.
 */
const USAGE_EXIT_CODE = 2;

const program = new Command('tidelock')
  .description('Coordination primitives on an etcd-compatible store.')
  .version(`tidelock ${TIDELOCK_VERSION}`, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .showSuggestionAfterError(true)
  .enablePositionalOptions()
  .exitOverride();

registerServe(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed what there is to say.
  process.exitCode = error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
}
