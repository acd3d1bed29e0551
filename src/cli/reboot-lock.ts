import { type Command, Option } from 'commander';
import {
  isCoordinationError,
  type RebootGroup,
  type RebootHolder,
  type RebootRule,
} from '../recipes/index.js';
import { EXIT_CODE } from './exit-code.js';
import { seconds } from './numbers.js';
import {
  actorOf,
  bootIdOf,
  nodeOption,
  rebootChange,
  type RebootChange,
  type RebootRun,
  runWithGroup,
} from './reboot-command.js';
import { WaitingLine } from './waiting-line.js';

interface RebootLockOptions extends RebootChange {
  readonly node: string;
  readonly zone?: string;
  readonly wait: boolean;
  /** Seconds. */
  readonly timeout?: number;
}

/** Why a machine may not reboot now. */
interface Refusal {
  readonly revision: number;
  readonly rule: RebootRule | undefined;
  readonly reason: string;
  readonly position: number;
  readonly nextWindowMs: number | undefined;
}

/** Rules that end with somebody else's reboot; all others are a plain no. */
const QUEUE_RULES: readonly (RebootRule | undefined)[] = ['semaphore_full', 'behind', undefined];

const EXAMPLES = `  $ tidelock reboot lock --reason "kernel 6.12" && tidelock reboot rebooting && systemctl reboot
  $ tidelock reboot lock --group racks --timeout 3600
  $ tidelock reboot lock --no-wait || echo later   # 3: no slot is free; 6: a rule says no

A slot outlives this process and the machine's reboot: \`tidelock reboot unlock\` gives it back when
the machine is up again, \`tidelock reboot release\` at any time. \`tidelock reboot rebooting\` starts the
reboot timeout of the policy; until then its grant timeout runs. Asking again is harmless. Windows,
holds and all other rules are judged at the moment of the grant, however long the wait was.
`;

/** Adds `reboot lock`: waits in line for a slot. */
export function registerRebootLock(reboot: Command): void {
  rebootChange(reboot, 'lock', 'Get a slot, so that a machine may reboot.', EXAMPLES)
    .addOption(nodeOption())
    .option('--zone <zone>', 'where the machine is, for policies that order by zone')
    .option('--wait', 'wait in line', true)
    .option('--no-wait', 'give up at once when it may not reboot now')
    .addOption(new Option('--timeout <seconds>', 'wait no longer than that').argParser(seconds))
    .action((options: RebootLockOptions) =>
      runWithGroup(options, async (reboots, run) => {
        const outcome = await acquire(reboots, options, run);
        if ('rule' in outcome) return reportRefusal(outcome, options, run);
        const { group } = options;
        const { node, revision, sinceMs, phase } = outcome;
        run.output.write(
          { state: 'granted', group, node, revision, phase, sinceMs: sinceMs ?? null },
          () => [`${node} may reboot (group ${group}, revision ${revision})`],
        );
        return EXIT_CODE.done;
      }),
    );
}

/** The slot, or what stood in the way to the end. */
async function acquire(
  reboots: RebootGroup,
  options: RebootLockOptions,
  { interrupt, bounded }: RebootRun,
): Promise<RebootHolder | Refusal> {
  const { node, zone, timeout } = options;
  const where = zone === undefined ? {} : { zone };
  const wish = { node, ...where, ...actorOf(options), ...(await bootIdOf(node)) };
  if (!options.wait) {
    const tried = await reboots.tryAcquire({ ...wish, ...bounded });
    return tried.ok ? tried.holder : { ...tried, nextWindowMs: tried.nextWindowMs };
  }
  using _line = new WaitingLine(async () => {
    const { reason, rule } = await reboots.plan(node);
    return `waiting for a slot: ${reason}${rule === undefined ? '' : ` [${rule}]`}`;
  });
  const { signal } = interrupt;
  try {
    const limit = timeout === undefined ? {} : { timeoutMs: timeout * 1000 };
    return await reboots.acquire({ ...wish, ...limit, signal });
  } catch (error) {
    if (!isCoordinationError(error, 'Timeout')) throw error;
    const plan = await reboots.plan(node, bounded);
    // It may have been granted in the very moment at which we gave up.
    return plan.holder ?? plan;
  }
}

function reportRefusal(
  { revision, rule, reason, position, nextWindowMs }: Refusal,
  { group, node, wait }: RebootLockOptions,
  { output }: RebootRun,
): number {
  if (output.format === 'json') {
    const state = QUEUE_RULES.includes(rule) ? 'busy' : 'refused';
    const next = nextWindowMs ?? null;
    const why = { rule: rule ?? null, reason, position, nextWindowMs: next };
    output.write({ state, group, node, revision, ...why }, () => []);
  }
  const advice = wait ? 'a longer --timeout waits on' : 'leave out --no-wait to wait';
  output.remark(`${node} may not reboot: ${reason}; ${advice}`);
  return refusalCode(rule);
}

/** How a command ends when this rule stands in the way. */
export function refusalCode(rule: RebootRule | undefined): number {
  return QUEUE_RULES.includes(rule) ? EXIT_CODE.notAcquired : EXIT_CODE.refused;
}
