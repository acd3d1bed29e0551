import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  parseWindow,
  type RebootMax,
  type RebootPolicyChange,
  type RebootWindow,
} from '../recipes/index.js';
import { EXIT_CODE } from './exit-code.js';
import { wholeNumber } from './numbers.js';
import {
  actorOf,
  rebootChange,
  type RebootChange,
  runWithGroup,
  showStatus,
} from './reboot-command.js';
import { policyLines, policyRecord } from './reboot-status.js';

interface PolicyOptions extends RebootChange {
  readonly max?: RebootMax;
  readonly window?: readonly RebootWindow[];
  readonly always?: true;
  readonly cooldown?: number;
  readonly soak?: number;
  readonly grantTimeout?: number;
  readonly rebootTimeout?: number;
  readonly failureBudget?: number;
  readonly order?: 'one-per-zone' | 'one-zone-at-a-time' | 'none';
}

const PERCENT = /^\d+%$/;

const POLICY_EXAMPLES = `  $ tidelock reboot policy                              # shows it
  $ tidelock reboot policy --max 20% --failure-budget 1
  $ tidelock reboot policy --window "Mon-Fri 22:00 4h Europe/Berlin" --window "Sun 02:00 6h"
  $ tidelock reboot policy --grant-timeout 600 --reboot-timeout 1800 --soak 300

A machine that does not come back within the reboot timeout is stuck. Its slot is not freed; others
go on while no more machines are stuck than the failure budget says, and beyond it all stop. The
reboot timeout begins with \`tidelock reboot rebooting\`, which the agent says; for machines that do
not say it, such as those that speak FleetLock, the grant timeout is all the time that they have.
Windows name the days on which they begin, none for every day, and a time zone, none for UTC; they
may go on past midnight. What is not given stays as it is.
`;

/** Adds `reboot policy` and `reboot set-max`. */
export function registerRebootRules(reboot: Command): void {
  registerSetMax(reboot);
  registerPolicy(reboot);
}

function registerSetMax(reboot: Command): void {
  const examples = `  $ tidelock reboot set-max 3 --group racks
  $ tidelock reboot set-max 20%
  $ tidelock reboot set-max 0     # nobody reboots until it is raised again
`;
  rebootChange(reboot, 'set-max', 'Set how many may reboot at a time.', examples)
    .argument('<max>', 'slots, or a percentage of the known machines', maxSlots)
    .action((max: RebootMax, options: RebootChange) =>
      runWithGroup(options, async (reboots, run) => {
        await reboots.setMax(max, { ...actorOf(options), ...run.bounded });
        return await showStatus(reboots, run);
      }),
    );
}

function registerPolicy(reboot: Command): void {
  const time = (flag: string, what: string): Option =>
    new Option(`${flag} <seconds>`, what).argParser(wholeNumber);
  rebootChange(reboot, 'policy', 'Show or change the rules of a group.', POLICY_EXAMPLES)
    .addOption(new Option('--max <max>', 'slots, or a percentage').argParser(maxSlots))
    .addOption(
      new Option('--window <when>', 'when slots are given away; may be given several times')
        .argParser(anotherWindow)
        .conflicts('always'),
    )
    .option('--always', 'no windows: slots are given away at any time')
    .addOption(time('--cooldown', 'after a slot has ended, none is given away for so long'))
    .addOption(time('--soak', 'a machine that is back keeps its slot for so long'))
    .addOption(time('--grant-timeout', 'from the grant to "rebooting"; 0: no limit'))
    .addOption(time('--reboot-timeout', 'from "rebooting" to being back; 0: no limit'))
    .addOption(
      new Option(
        '--failure-budget <machines>',
        'stuck machines with which the others go on',
      ).argParser(wholeNumber),
    )
    .addOption(
      new Option('--order <rule>', 'how zones matter').choices([
        'one-per-zone',
        'one-zone-at-a-time',
        'none',
      ]),
    )
    .action((options: PolicyOptions) =>
      runWithGroup(options, async (reboots, { output, bounded }) => {
        const { group } = options;
        const change = changeOf(options);
        const isChange = Object.keys(change).length > 0;
        if (isChange) await reboots.setPolicy(change, { ...actorOf(options), ...bounded });
        const { policy, revision } = await reboots.status(bounded);
        const record = policy === undefined ? null : policyRecord(policy);
        output.write({ group, revision, policy: record }, () =>
          policy === undefined
            ? [`group ${group}: the policy cannot be read; set it anew`]
            : policyLines(group, policy),
        );
        return EXIT_CODE.done;
      }),
    );
}

function changeOf(options: PolicyOptions): RebootPolicyChange {
  const { max, window, always, cooldown, soak, grantTimeout, rebootTimeout, order } = options;
  const { failureBudget } = options;
  const zones =
    order === undefined || order === 'none' ? null : ({ by: 'zone', rule: order } as const);
  return {
    ...(max === undefined ? {} : { max }),
    ...(window === undefined ? {} : { windows: window }),
    ...(always === undefined ? {} : { windows: [] }),
    ...(cooldown === undefined ? {} : { cooldownSeconds: cooldown }),
    ...(soak === undefined ? {} : { soakSeconds: soak }),
    ...(grantTimeout === undefined ? {} : { grantTimeoutSeconds: grantTimeout }),
    ...(rebootTimeout === undefined ? {} : { rebootTimeoutSeconds: rebootTimeout }),
    ...(failureBudget === undefined ? {} : { failureBudget }),
    ...(order === undefined ? {} : { order: zones }),
  };
}

/** `3`, or `20%`; how much of it makes sense is the group's to say. */
function maxSlots(text: string): RebootMax {
  return PERCENT.test(text) ? (text as RebootMax) : wholeNumber(text);
}

function anotherWindow(
  text: string,
  before: readonly RebootWindow[] | undefined,
): readonly RebootWindow[] {
  try {
    return [...(before ?? []), parseWindow(text)];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InvalidArgumentError(`${why}. Give a time such as "Mon-Fri 22:00 4h Europe/Berlin".`);
  }
}
