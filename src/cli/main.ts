#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { registerCommands } from './commands.js';
import { endWithReader } from './end-with-reader.js';
import { EXIT_CODE } from './exit-code.js';
import { usageLine } from './usage-line.js';

process.stdout.on('error', endWithReader);

/**
 * The command line's entrance: one program, each sub-command registered by a file of its own. What
 * the parser refuses ends here, as one line and the exit code for usage.
 */
const program = new Command('tidelock')
  .description('Coordination primitives on an etcd-compatible store.')
  .helpOption('-h, --help', 'print this help')
  .helpCommand('help [command]', 'Print the help of a command.')
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
