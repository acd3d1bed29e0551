import { type Command, Option } from 'commander';
import { coordinate } from '../recipes/index.js';
import { CliError } from './cli-error.js';
import { ANYTHING } from './config-anything.js';
import { type ConfigOverview, overviewLines, overviewRecord } from './config-lines.js';
import { EXIT_CODE } from './exit-code.js';
import { identity } from './identity.js';
import { type CommonOptions, runWithStore, storeCommand } from './store-command.js';

interface StatusOptions extends CommonOptions {
  readonly listen?: boolean;
}

/** Adds `config status` and `config retry`: the instances of a configuration, and its rollout. */
export function registerConfigStatus(config: Command): void {
  registerStatus(config);
  registerRetry(config);
}

function registerStatus(config: Command): void {
  const examples = `  $ tidelock config status app/
  $ tidelock config status app/ --listen
  $ tidelock config status app/ -w json | jq -r '.rollout.failures[].instance'
`;
  storeCommand(config, 'status', 'Show who runs what, and how the rollout goes.', examples)
    .argument('<prefix>')
    .addOption(new Option('--listen', 'go on, and print each change'))
    .action((prefix: string, options: StatusOptions) =>
      runWithStore(options, async (store, { output, interrupt, connectTimeoutMs }) => {
        await using coord = coordinate(store, { identity: identity() });
        const opened = coord.config(prefix, ANYTHING);
        const both = coord.combineAt([opened.reports$, opened.rollout$]);
        interrupt.signal.throwIfAborted();
        return await new Promise<number>((resolve, reject) => {
          const impatience = setTimeout(() => {
            const message = `no answer within ${connectTimeoutMs} ms; are the endpoints right?`;
            reject(new CliError(EXIT_CODE.unavailable, message));
          }, connectTimeoutMs).unref();
          const show = (overview: ConfigOverview): void => {
            clearTimeout(impatience);
            output.write(overviewRecord(overview), () => overviewLines(overview));
            if (options.listen !== true) resolve(EXIT_CODE.done);
          };
          const watching = both.subscribe({
            next: ({ revision, values: [reports, rollout] }) =>
              show({ prefix: opened.prefix, revision, reports, rollout }),
            error: reject,
          });
          interrupt.signal.addEventListener('abort', () => {
            clearTimeout(impatience);
            watching.unsubscribe();
            reject(interrupt.signal.reason as Error);
          });
        });
      }),
    );
}

function registerRetry(config: Command): void {
  const examples = `  $ tidelock config retry app/    # once what made it fail is mended
`;
  storeCommand(config, 'retry', 'Forget the failures of a rollout, so that it goes on.', examples)
    .argument('<prefix>')
    .action((prefix: string, options: CommonOptions) =>
      runWithStore(options, async (store, { output, interrupt, connectTimeoutMs: timeoutMs }) => {
        await using coord = coordinate(store, { identity: identity() });
        const opened = coord.config(prefix, ANYTHING);
        const cleared = await opened.clearRollout({ signal: interrupt.signal, timeoutMs });
        output.write({ revision: null, prefix: opened.prefix, cleared }, () => [
          cleared === 1 ? '1 failure forgotten' : `${cleared} failures forgotten`,
        ]);
        return EXIT_CODE.done;
      }),
    );
}
