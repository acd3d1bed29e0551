import type { Command } from 'commander';
import type { RebootSteady } from '../recipes/index.js';
import { EXIT_CODE } from './exit-code.js';
import {
  actorOf,
  bootIdOf,
  nodeOption,
  rebootChange,
  type RebootChange,
  runWithGroup,
} from './reboot-command.js';
import { holderRecord } from './reboot-status.js';

interface StepOptions extends RebootChange {
  readonly node: string;
}

interface ForceOptions extends StepOptions {
  readonly zone?: string;
}

/** Adds the commands that move the slot of one machine on. */
export function registerRebootSteps(reboot: Command): void {
  registerRebooting(reboot);
  registerUnlock(reboot);
  registerRelease(reboot);
  registerForce(reboot);
}

function registerRebooting(reboot: Command): void {
  const examples = `  $ tidelock reboot rebooting && systemctl reboot      # after \`tidelock reboot lock\`

From then on the reboot timeout of the policy runs, instead of its grant timeout.
`;
  rebootChange(reboot, 'rebooting', 'Say that a machine goes down now.', examples)
    .addOption(nodeOption())
    .action((options: StepOptions) =>
      runWithGroup(options, async (reboots, { output, bounded }) => {
        const { node, group } = options;
        const wish = { node, ...actorOf(options), ...(await bootIdOf(node)), ...bounded };
        const holder = await reboots.rebooting(wish);
        if (holder === undefined) {
          output.remark(`${node} has no slot in group ${group}; \`tidelock reboot lock\` gets one`);
          return EXIT_CODE.notAcquired;
        }
        if (holder.phase === 'soaking') {
          // Its slot ends by itself, and with it the time in which no other machine goes.
          const advice = '`tidelock reboot lock` asks whether it may go again';
          output.remark(`${node} is being watched since its last reboot; ${advice}`);
          return EXIT_CODE.notAcquired;
        }
        output.write(
          { state: holder.phase, group, ...holderRecord(holder), revision: holder.revision },
          () => [`${node} is ${holder.phase}`],
        );
        return EXIT_CODE.done;
      }),
    );
}

function registerUnlock(reboot: Command): void {
  const examples = `  $ tidelock reboot unlock                            # on the machine, when it is healthy
  $ tidelock reboot unlock --group racks --node host-7

The slot is free then, or after the soak time of the policy. A machine that has not rebooted since
it got its slot keeps it (6); \`tidelock reboot release\` gives it up all the same.
`;
  rebootChange(reboot, 'unlock', 'Say that a machine is back and healthy.', examples)
    .addOption(nodeOption())
    .action((options: StepOptions) =>
      runWithGroup(options, async (reboots, { output, bounded }) => {
        const { group, node } = options;
        const wish = { node, ...actorOf(options), ...(await bootIdOf(node)), ...bounded };
        const { state } = await reboots.steady(wish);
        const { revision } = await reboots.status(bounded);
        output.write({ state, group, node, revision }, () => [steadyText(node, state)]);
        return state === 'not-rebooted' ? EXIT_CODE.refused : EXIT_CODE.done;
      }),
    );
}

function steadyText(node: string, state: RebootSteady['state']): string {
  switch (state) {
    case 'released':
      return `${node} gave its slot back`;
    case 'soaking':
      return `${node} is back, and keeps its slot for the soak time`;
    case 'not-held':
      return `${node} had no slot`;
    case 'not-rebooted':
      return `${node} has not rebooted since it got its slot, and keeps it; \`tidelock reboot release\` gives it up`;
  }
}

function registerRelease(reboot: Command): void {
  const examples = `  $ tidelock reboot release                            # this machine does not want any more
  $ tidelock reboot release --group racks --node host-7 --reason "scrapped"

A stuck machine whose slot is released counts against the failure budget no longer.
`;
  rebootChange(reboot, 'release', 'Free the slot of a machine, whatever it is at.', examples)
    .addOption(nodeOption())
    .action((options: StepOptions) =>
      runWithGroup(options, async (reboots, { output, bounded }) => {
        const { group, node } = options;
        const released = await reboots.release({ node, ...actorOf(options), ...bounded });
        const { revision } = await reboots.status(bounded);
        const state = released ? 'released' : 'not-held';
        output.write({ state, group, node, revision }, () => [
          released ? `the slot of ${node} is free` : `${node} had no slot`,
        ]);
        return EXIT_CODE.done;
      }),
    );
}

function registerForce(reboot: Command): void {
  const examples = `  $ tidelock reboot force --node host-7 --reason "CVE, now"

It counts against the limit like any other slot, and the log says who did it.
`;
  rebootChange(reboot, 'force', 'Give a machine a slot past every rule.', examples)
    .requiredOption('--node <node>', 'the machine')
    .option('--zone <zone>', 'where the machine is')
    .action((options: ForceOptions) =>
      runWithGroup(options, async (reboots, { output, bounded }) => {
        const { group, node, zone } = options;
        const where = zone === undefined ? {} : { zone };
        const boot = await bootIdOf(node);
        const actor = actorOf(options);
        const holder = await reboots.force({ node, ...where, ...boot, ...actor, ...bounded });
        output.write(
          { state: 'granted', group, ...holderRecord(holder), revision: holder.revision },
          () => [`${node} may reboot (group ${group}, revision ${holder.revision})`],
        );
        return EXIT_CODE.done;
      }),
    );
}
