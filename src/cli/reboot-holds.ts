import { type Command, Option } from 'commander';
import { EXIT_CODE } from './exit-code.js';
import { wholeNumber } from './numbers.js';
import {
  actorOf,
  rebootChange,
  type RebootChange,
  runWithGroup,
  showStatus,
} from './reboot-command.js';
import { holdRecord } from './reboot-status.js';

interface HoldOptions extends RebootChange {
  readonly node?: string;
  /** Seconds. */
  readonly for?: number;
}

interface UnholdOptions extends RebootChange {
  readonly node?: string;
  readonly id?: string;
}

/** Adds the commands that keep machines from rebooting, and those that end that. */
export function registerRebootHolds(reboot: Command): void {
  registerHold(reboot);
  registerUnhold(reboot);
  registerPause(reboot);
  registerResume(reboot);
}

function forOption(): Option {
  return new Option('--for <seconds>', 'ends by itself after that').argParser(wholeNumber);
}

function forSeconds({ for: time }: HoldOptions): { readonly forSeconds?: number } {
  return time === undefined ? {} : { forSeconds: time };
}

function registerHold(reboot: Command): void {
  const examples = `  $ tidelock reboot hold --node host-7 --reason "debugging"
  $ tidelock reboot hold --for 3600 --reason "change freeze"   # nobody of the group

It takes no slot away. Several holds can be there at once; each has to be taken away, or ends.
`;
  rebootChange(reboot, 'hold', 'Keep a machine, or a group, from getting slots.', examples)
    .option('--node <node>', 'the machine; without it, the group')
    .addOption(forOption())
    .action((options: HoldOptions) =>
      runWithGroup(options, async (reboots, { output, bounded }) => {
        const { group, node } = options;
        const what = node === undefined ? {} : { node };
        const terms = { ...what, ...forSeconds(options), ...actorOf(options) };
        const hold = await reboots.hold({ ...terms, ...bounded });
        output.write({ state: 'held', group, ...holdRecord(hold), revision: null }, () => [
          `${node ?? `group ${group}`} is held back [${hold.id}]`,
        ]);
        return EXIT_CODE.done;
      }),
    );
}

function registerUnhold(reboot: Command): void {
  const examples = `  $ tidelock reboot unhold --node host-7   # all that holds this machine back
  $ tidelock reboot unhold --id 3f2a91c0   # this one; \`tidelock reboot status\` shows the ids
  $ tidelock reboot unhold                 # all that holds the group as a whole back
`;
  rebootChange(reboot, 'unhold', 'Take holds away.', examples)
    .option('--node <node>', 'the machine')
    .addOption(new Option('--id <id>', 'one hold').conflicts('node'))
    .action((options: UnholdOptions) =>
      runWithGroup(options, async (reboots, { output, bounded }) => {
        const { group, node, id } = options;
        const which = {
          ...(node === undefined ? {} : { node }),
          ...(id === undefined ? {} : { id }),
        };
        const gone = await reboots.unhold({ ...which, ...actorOf(options), ...bounded });
        const holds = gone.map(holdRecord);
        output.write({ state: 'unheld', group, holds, revision: null }, () => [
          gone.length === 1 ? '1 hold taken away' : `${gone.length} holds taken away`,
        ]);
        return EXIT_CODE.done;
      }),
    );
}

function registerPause(reboot: Command): void {
  const examples = `  $ tidelock reboot pause --reason "Christmas"
  $ tidelock reboot pause --for 86400
`;
  rebootChange(reboot, 'pause', 'Give no slots away until told otherwise.', examples)
    .addOption(forOption())
    .action((options: HoldOptions) =>
      runWithGroup(options, async (reboots, run) => {
        await reboots.pause({ ...forSeconds(options), ...actorOf(options), ...run.bounded });
        return await showStatus(reboots, run);
      }),
    );
}

function registerResume(reboot: Command): void {
  const examples = `  $ tidelock reboot resume
`;
  rebootChange(reboot, 'resume', 'End a pause.', examples).action((options: RebootChange) =>
    runWithGroup(options, async (reboots, run) => {
      await reboots.resume({ ...actorOf(options), ...run.bounded });
      return await showStatus(reboots, run);
    }),
  );
}
