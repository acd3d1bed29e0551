import type { Command } from 'commander';
import { EXIT_CODE } from './exit-code.js';
import { wholeNumber } from './numbers.js';
import { nodeOption, rebootCommand, type RebootOptions, runWithGroup } from './reboot-command.js';
import { registerRebootAgent } from './reboot-agent-command.js';
import { registerRebootImport } from './reboot-import.js';
import { registerRebootLock } from './reboot-lock.js';
import { statusLines, statusRecord } from './reboot-status.js';

interface UnlockOptions extends RebootOptions {
  readonly node: string;
}

const EXAMPLES = `
Examples:
  $ tidelock reboot lock --reason "kernel 6.12" && systemctl reboot
  $ tidelock reboot unlock             # when it is back and healthy
  $ tidelock reboot status --group racks
  $ tidelock reboot set-max 3 --group racks
`;

/** Adds `reboot` and what is under it: the reboot slots of a group of machines. */
export function registerReboot(program: Command): void {
  const reboot = program
    .command('reboot')
    .description('Let machines reboot one, or a few, at a time.')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXAMPLES);
  registerRebootLock(reboot);
  registerUnlock(reboot);
  registerStatus(reboot);
  registerSetMax(reboot);
  registerRebootAgent(reboot);
  registerRebootImport(reboot);
}

function registerUnlock(reboot: Command): void {
  const examples = `  $ tidelock reboot unlock
  $ tidelock reboot unlock --group racks --node host-7   # for a machine that will not come back
`;
  rebootCommand(reboot, 'unlock', 'Give the slot of a machine back.', examples)
    .addOption(nodeOption())
    .action((options: UnlockOptions) =>
      runWithGroup(options, async (reboots, { output, interrupt, connectTimeoutMs: timeoutMs }) => {
        const { signal } = interrupt;
        const { group, node } = options;
        const released = await reboots.release({ node, signal, timeoutMs });
        const { revision } = await reboots.status({ signal, timeoutMs });
        const state = released ? 'released' : 'not-held';
        output.write({ state, group, node, revision }, () => [
          released ? `${node} gave its slot back` : `${node} had no slot`,
        ]);
        return EXIT_CODE.done;
      }),
    );
}

function registerStatus(reboot: Command): void {
  const examples = `  $ tidelock reboot status --group racks
  $ tidelock reboot status -w json | jq -r '.holders[].node'
`;
  rebootCommand(reboot, 'status', 'Show who may reboot and who waits.', examples).action(
    (options: RebootOptions) =>
      runWithGroup(options, async (reboots, { output, interrupt, connectTimeoutMs: timeoutMs }) => {
        const status = await reboots.status({ signal: interrupt.signal, timeoutMs });
        output.write(statusRecord(status), () => statusLines(status));
        return EXIT_CODE.done;
      }),
  );
}

function registerSetMax(reboot: Command): void {
  const examples = `  $ tidelock reboot set-max 3 --group racks
  $ tidelock reboot set-max 0 --group racks    # nobody reboots until it is raised again
`;
  rebootCommand(reboot, 'set-max', 'Set how many may reboot at a time.', examples)
    .argument('<max>', 'slots; 0 pauses the group', wholeNumber)
    .action((max: number, options: RebootOptions) =>
      runWithGroup(options, async (reboots, { output, interrupt, connectTimeoutMs: timeoutMs }) => {
        const { signal } = interrupt;
        await reboots.setMax(max, { signal, timeoutMs });
        const status = await reboots.status({ signal, timeoutMs });
        output.write(statusRecord(status), () => statusLines(status));
        return EXIT_CODE.done;
      }),
    );
}
