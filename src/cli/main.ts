#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { registerCommands } from './commands.js';
import { EXIT_CODE } from './exit-code.js';
import { usageLine } from './usage-line.js';

/**
 * The command line's entrance: one program, each sub-command registered by a file of its own. What
 * the parser refuses ends here, as one line and the exit code for usage.
 */
const program = new Command('tidelock')
  .description('Coordination primitives on an etcd-compatible store.')
  .helpOption('-h, --help', 'print this help')
  .showSuggestionAfterError(true)
  .enablePositionalOptions()
  .configureOutput({ outputError: (text, write) => write(usageLine(text)) })
  .exitOverride();

await registerCommands(program, process.argv.slice(2));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed what there is to say.
  process.exitCode = error.exitCode === 0 ? 0 : EXIT_CODE.usage;
}
