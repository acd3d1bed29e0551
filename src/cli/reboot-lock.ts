import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import {
  isCoordinationError,
  type RebootGroup,
  type RebootHolder,
  type RebootStatus,
} from '../recipes/index.js';
import { EXIT_CODE } from './exit-code.js';
import { seconds } from './numbers.js';
import { nodeOption, rebootCommand, type RebootOptions, runWithGroup } from './reboot-command.js';
import { describe } from './reboot-status.js';
import type { CommandRun } from './store-command.js';
import { WaitingLine } from './waiting-line.js';

interface RebootLockOptions extends RebootOptions {
  readonly node: string;
  readonly wait: boolean;
  /** Seconds. */
  readonly timeout?: number;
  readonly reason?: string;
}

/** Where Linux tells one boot from another. */
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
/** With --no-wait: what a grant may take when a slot was free a moment ago. */
const GRANT_TIMEOUT_MS = 2000;

const EXAMPLES = `  $ tidelock reboot lock --reason "kernel 6.12" && systemctl reboot
  $ tidelock reboot lock --group racks --timeout 3600
  $ tidelock reboot lock --no-wait || echo later         # 3 when no slot is free

A slot outlives this process and the machine's reboot: \`tidelock reboot unlock\` gives it back.
Asking again for a slot that the machine has is harmless.
`;

/** Adds `reboot lock`: waits in line for a slot. */
export function registerRebootLock(reboot: Command): void {
  rebootCommand(reboot, 'lock', 'Get a slot, so that a machine may reboot.', EXAMPLES)
    .addOption(nodeOption())
    .option('--reason <text>', 'why, for those who look at the status')
    .option('--wait', 'wait in line (default)', true)
    .option('--no-wait', 'give up at once when no slot is free')
    .addOption(new Option('--timeout <seconds>', 'wait no longer than that').argParser(seconds))
    .action((options: RebootLockOptions) =>
      runWithGroup(options, async (reboots, run) => {
        const holder = await acquire(reboots, options, run);
        const { group } = options;
        if (holder === undefined) return await reportBusy(reboots, options, run);
        const { node, revision, sinceMs } = holder;
        run.output.write(
          { state: 'granted', group, node, revision, sinceMs: sinceMs ?? null },
          () => [`${node} may reboot (group ${group}, revision ${revision})`],
        );
        return EXIT_CODE.done;
      }),
    );
}

/** The slot, or undefined when there was none in the time given. */
async function acquire(
  reboots: RebootGroup,
  options: RebootLockOptions,
  run: CommandRun,
): Promise<RebootHolder | undefined> {
  const { node, reason = '' } = options;
  const { signal } = run.interrupt;
  const bounded = { signal, timeoutMs: run.connectTimeoutMs };
  if (!options.wait && !hasRoom(await reboots.status(bounded), node)) return undefined;
  const timeoutMs = options.wait ? toMs(options.timeout) : GRANT_TIMEOUT_MS;
  using _line = new WaitingLine(async () => waitingText(await reboots.status(), node));
  try {
    return await reboots.acquire({
      node,
      reason,
      signal,
      ...(node === hostname() ? { bootId: await bootId() } : {}),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  } catch (error) {
    if (isCoordinationError(error, 'Timeout')) return undefined;
    throw error;
  }
}

function hasRoom({ holders, queue, max }: RebootStatus, node: string): boolean {
  if (holders.some((holder) => holder.node === node)) return true;
  return holders.length < max && queue.length === 0;
}

async function reportBusy(
  reboots: RebootGroup,
  options: RebootLockOptions,
  { output, interrupt, connectTimeoutMs: timeoutMs }: CommandRun,
): Promise<number> {
  const { group, node } = options;
  const status = await reboots.status({ signal: interrupt.signal, timeoutMs });
  if (output.format === 'json') {
    const holders = status.holders.map((holder) => holder.node);
    output.write({ state: 'busy', group, node, revision: status.revision, holders }, () => []);
  }
  const advice = options.wait ? 'a longer --timeout waits on' : 'leave out --no-wait to wait';
  output.remark(`${node} may not reboot: ${takenText(status)}; ${advice}`);
  return EXIT_CODE.notAcquired;
}

function waitingText(status: RebootStatus, node: string): string {
  const ahead = status.queue.find((waiter) => waiter.node === node)?.position ?? 0;
  const others = ahead > 0 ? `, ${ahead} ahead in line` : '';
  return `waiting for a slot: ${takenText(status)}${others}`;
}

function takenText({ group, holders, max }: RebootStatus): string {
  const who = holders.map((holder) => describe(holder.node, holder)).join('; ');
  return `group "${group}" has ${holders.length} of ${max} slots taken${who && `, by ${who}`}`;
}

function toMs(time: number | undefined): number | undefined {
  return time === undefined ? undefined : time * 1000;
}

/** The boot that this machine is in; empty where the system does not say. */
async function bootId(): Promise<string> {
  // Without one a reboot cannot be told from a restart of the agent, and nothing else is lost.
  const text = await readFile(BOOT_ID_FILE, 'utf8').catch(() => '');
  return text.trim();
}
