import { type Command, Option } from 'commander';
import type { RebootLogEntry, RebootPlan } from '../recipes/index.js';
import { EXIT_CODE } from './exit-code.js';
import { isoTime } from './iso-time.js';
import { wholeNumber } from './numbers.js';
import {
  actorOf,
  nodeOption,
  rebootChange,
  type RebootChange,
  rebootCommand,
  type RebootOptions,
  runWithGroup,
  showStatus,
} from './reboot-command.js';
import { refusalCode } from './reboot-lock.js';
import { holderRecord } from './reboot-status.js';

interface PlanOptions extends RebootOptions {
  readonly node: string;
}

interface LogOptions extends RebootOptions {
  readonly limit?: number;
}

interface ForgetOptions extends RebootChange {
  readonly node: string;
}

/** Adds the commands that show a group, and the one that takes a machine out of the picture. */
export function registerRebootInquiry(reboot: Command): void {
  registerStatus(reboot);
  registerPlan(reboot);
  registerLog(reboot);
  registerForget(reboot);
}

function registerStatus(reboot: Command): void {
  const examples = `  $ tidelock reboot status --group racks
  $ tidelock reboot status -w json | jq -r '.holders[] | select(.phase == "stuck").node'
`;
  rebootCommand(
    reboot,
    'status',
    'Show who may reboot, who waits, and what stops it.',
    examples,
  ).action((options: RebootOptions) => runWithGroup(options, showStatus));
}

function registerPlan(reboot: Command): void {
  const examples = `  $ tidelock reboot plan                    # why does this host not reboot?
  $ tidelock reboot plan --node host-7 --group racks

It ends with 0 when the machine may reboot or has a slot, with 3 when others are first, and with 6
when a rule says no.
`;
  rebootCommand(reboot, 'plan', 'Say why a machine may not reboot now.', examples)
    .addOption(nodeOption())
    .action((options: PlanOptions) =>
      runWithGroup(options, async (reboots, { output, bounded }) => {
        const plan = await reboots.plan(options.node, bounded);
        output.write(planRecord(plan), () => planLines(plan));
        return plan.state === 'waiting' ? refusalCode(plan.rule) : EXIT_CODE.done;
      }),
    );
}

function planRecord(plan: RebootPlan) {
  const { group, node, revision, state, rule, reason, position, nextWindowMs, holder } = plan;
  return {
    ...{ group, node, revision, state, reason, position },
    rule: rule ?? null,
    nextWindowMs: nextWindowMs ?? null,
    blockers: plan.blockers.map(({ key, identity, sinceMs }) => ({
      ...{ key, identity, sinceMs: sinceMs ?? null },
    })),
    holder: holder === undefined ? null : holderRecord(holder),
  };
}

function planLines({ node, state, rule, reason, nextWindowMs }: RebootPlan): readonly string[] {
  const next =
    nextWindowMs === undefined || rule === 'outside_window'
      ? []
      : [`  the next window opens at ${new Date(nextWindowMs).toISOString()}`];
  return [`${node}: ${state}: ${reason}${rule === undefined ? '' : ` [${rule}]`}`, ...next];
}

function registerLog(reboot: Command): void {
  const examples = `  $ tidelock reboot log --group racks
  $ tidelock reboot log --limit 5 -w json
`;
  rebootCommand(reboot, 'log', 'Show who did what to a group, oldest first.', examples)
    .addOption(new Option('--limit <entries>', 'only the newest').argParser(wholeNumber))
    .action((options: LogOptions) =>
      runWithGroup(options, async (reboots, { output, bounded }) => {
        const limit = options.limit === undefined ? {} : { limit: options.limit };
        for (const entry of await reboots.log({ ...limit, ...bounded })) {
          output.write({ group: options.group, ...entry, atMs: entry.atMs ?? null }, () => [
            logLine(entry),
          ]);
        }
        return EXIT_CODE.done;
      }),
    );
}

function logLine({ atMs, kind, node, by, reason }: RebootLogEntry): string {
  const time = atMs === undefined ? 'at some time' : isoTime(atMs);
  const what = `${kind}${node === '' ? '' : ` ${node}`}`;
  const who = by === '' || by === node ? '' : ` by ${by}`;
  return `${time}  ${what}${who}${reason === '' ? '' : `: ${reason}`}`;
}

function registerForget(reboot: Command): void {
  const examples = `  $ tidelock reboot forget --node host-7   # scrapped: 20% is of fewer machines now
`;
  rebootChange(reboot, 'forget', 'Take a machine out of those that a percentage counts.', examples)
    .requiredOption('--node <node>', 'the machine')
    .action((options: ForgetOptions) =>
      runWithGroup(options, async (reboots, run) => {
        await reboots.forget({ node: options.node, ...actorOf(options), ...run.bounded });
        return await showStatus(reboots, run);
      }),
    );
}
