import type { Command } from 'commander';
import { type Config, coordinate } from '../recipes/index.js';
import { CliError } from './cli-error.js';
import { ANYTHING } from './config-anything.js';
import { registerConfigExplain } from './config-explain.js';
import { configLine, configRecord, refusalLine } from './config-lines.js';
import { registerConfigStatus } from './config-status.js';
import { EXIT_CODE } from './exit-code.js';
import { identity } from './identity.js';
import {
  type CommandRun,
  type CommonOptions,
  runWithStore,
  storeCommand,
} from './store-command.js';

const EXAMPLES = `
Examples:
  $ tidelock config get app/ | jq .db
  $ tidelock config watch app/
  $ tidelock config status app/       # who runs which revision, and how the rollout goes
  $ tidelock config explain db/url config/shared/ config/billing/
`;

/** Adds `config` and what is under it: keys under a prefix as one value. */
export function registerConfig(program: Command): void {
  const config = program
    .command('config')
    .description('Show the configuration under a prefix, and what becomes of it.')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXAMPLES);
  registerGet(config);
  registerWatch(config);
  registerConfigStatus(config);
  registerConfigExplain(config);
}

function registerGet(config: Command): void {
  const examples = `  $ tidelock config get app/
  $ tidelock config get app/ -w json | jq .value.port
`;
  storeCommand(config, 'get', 'Print the keys under a prefix as one value.', examples)
    .argument('<prefix>')
    .action((prefix: string, options: CommonOptions) =>
      runWithConfig(prefix, options, async (opened, { output, interrupt, connectTimeoutMs }) => {
        const value = await ready(opened, interrupt.signal, connectTimeoutMs);
        if (opened.status.content === 'empty') {
          throw new CliError(EXIT_CODE.notAcquired, `there are no keys under ${opened.prefix}`);
        }
        output.write(configRecord(opened.prefix, opened.revision, value), () => [
          JSON.stringify(value, undefined, 2),
        ]);
        return EXIT_CODE.done;
      }),
    );
}

function registerWatch(config: Command): void {
  const examples = `  $ tidelock config watch app/
  $ tidelock config watch app/ -w json | jq -c '.value // .issues'
`;
  storeCommand(config, 'watch', 'Print the value, and each later one.', examples)
    .argument('<prefix>')
    .action((prefix: string, options: CommonOptions) =>
      runWithConfig(prefix, options, async (opened, { output, interrupt }) => {
        interrupt.signal.throwIfAborted();
        return await new Promise<never>((_, reject) => {
          opened.rejected$.subscribe(({ revision, issues }) => {
            const messages = issues.map(({ message }) => message);
            output.write({ revision, prefix: opened.prefix, issues: messages }, () => [
              refusalLine(revision, messages),
            ]);
          });
          opened.confirmed$.subscribe((accepted) => {
            if (accepted === undefined) return;
            const { revision, value } = accepted;
            output.write(configRecord(opened.prefix, revision, value), () => [
              configLine(revision, value),
            ]);
          });
          interrupt.signal.addEventListener('abort', () =>
            reject(interrupt.signal.reason as Error),
          );
        });
      }),
    );
}

/** Runs a command with a configuration that takes whatever is there. */
function runWithConfig(
  prefix: string,
  options: CommonOptions,
  work: (config: Config<unknown>, run: CommandRun) => Promise<number>,
): Promise<void> {
  return runWithStore(options, async (store, run) => {
    await using coord = coordinate(store, { identity: identity() });
    return await work(coord.config(prefix, ANYTHING), run);
  });
}

/** The value, or why the keys do not make one. */
async function ready(
  config: Config<unknown>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<unknown> {
  const refused = new Promise<never>((_, reject) => {
    config.rejected$.subscribe(({ revision, issues }) => {
      const line = refusalLine(
        revision,
        issues.map(({ message }) => message),
      );
      reject(new CliError(EXIT_CODE.error, line));
    });
  });
  return await Promise.race([config.ready({ signal, timeoutMs }), refused]);
}
