import type { Command } from 'commander';
import { coordinate, type RebootStatus } from '../recipes/index.js';
import { EXIT_CODE } from './exit-code.js';
import { identity } from './identity.js';
import { statusRecord, summaryText } from './reboot-status.js';
import { type CommonOptions, runWithStore, storeCommand } from './store-command.js';

const EXAMPLES = `  $ tidelock reboot groups
  $ tidelock reboot groups -w json | jq -r 'select(.stuck > 0).group'

A group exists as soon as a machine asks for a slot of it, or somebody sets its policy.
`;

/** Adds `reboot groups`: all groups of the store, a line for each. */
export function registerRebootGroups(reboot: Command): void {
  storeCommand(reboot, 'groups', 'Show all groups, a line for each.', EXAMPLES).action(
    (options: CommonOptions) =>
      runWithStore(options, async (store, { output, interrupt, connectTimeoutMs: timeoutMs }) => {
        await using coord = coordinate(store, { identity: identity() });
        const bounded = { signal: interrupt.signal, timeoutMs };
        for (const name of await coord.rebootGroups().list(bounded)) {
          const status: RebootStatus = await coord.reboots(name).status(bounded);
          output.write(statusRecord(status), () => [summaryText(status)]);
        }
        return EXIT_CODE.done;
      }),
  );
}
