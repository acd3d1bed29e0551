import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { coordinate } from '../recipes/index.js';
import { isStoreError, type Store } from '../store/index.js';
import { BOOT_ID_FILE } from './boot-id.js';
import { identity } from './identity.js';
import { seconds } from './numbers.js';
import { RebootAgent } from './reboot-agent.js';
import { nodeOption, rebootCommand, type RebootOptions } from './reboot-command.js';
import { type CommandRun, runCommand } from './store-command.js';

interface RebootAgentOptions extends RebootOptions {
  readonly node: string;
  readonly zone?: string;
  readonly reason: string;
  readonly command: string;
  readonly sentinel: string;
  readonly healthy?: string;
  /** Seconds. */
  readonly interval: number;
  readonly bootIdFile: string;
  readonly once: boolean;
}

/** Debian's and Ubuntu's packages make this file when they want a reboot. */
const SENTINEL = '/run/reboot-required';
const INTERVAL_SECONDS = 60;

const EXAMPLES = `  $ tidelock reboot agent --group web --command "systemctl reboot"
  $ tidelock reboot agent --group web --zone eu-1 --command "systemctl reboot" \\
      --healthy "systemctl is-system-running --wait"
  $ tidelock reboot agent --command ./rehearse.sh --sentinel ./want-reboot --once

It reports the machine as steady once --healthy succeeds, waits for the file --sentinel, stands in
line for a slot, and runs --command. A command that fails gives the slot back. One that succeeds
keeps it until the agent reports again, with another boot id, after the reboot.
`;

/** Adds `reboot agent`: the whole life of one machine, for a service manager to run. */
export function registerRebootAgent(reboot: Command): void {
  rebootCommand(reboot, 'agent', 'Reboot this machine when it wants and may.', EXAMPLES)
    .requiredOption('--command <line>', 'what reboots the machine, for a shell')
    .addOption(nodeOption())
    .option('--zone <zone>', 'where the machine is, for policies that order by zone')
    .option('--reason <text>', 'why, for those who look at the status', '')
    .option('--sentinel <file>', 'exists when the machine wants to reboot', SENTINEL)
    .option('--healthy <line>', 'succeeds when the machine is well again, for a shell')
    .addOption(
      new Option('--interval <seconds>', 'between looks at sentinel and health')
        .argParser(seconds)
        .default(INTERVAL_SECONDS),
    )
    .addOption(
      new Option('--boot-id-file <file>', 'tells one boot from another').default(BOOT_ID_FILE),
    )
    .option('--once', 'end after one report and at most one reboot', false)
    .action((options: RebootAgentOptions) =>
      runCommand(options, async (run) => {
        await using store = await connectPatiently(run);
        await using coord = coordinate(store, { identity: identity() });
        const agent = new RebootAgent(coord.reboots(options.group), termsOf(options), run);
        return await agent.work();
      }),
    );
}

function termsOf(options: RebootAgentOptions): ConstructorParameters<typeof RebootAgent>[1] {
  const { node, reason, command, sentinel, bootIdFile, once, interval } = options;
  return {
    node,
    reason,
    command,
    sentinel,
    bootIdFile,
    once,
    zone: options.zone,
    healthy: options.healthy,
    intervalMs: interval * 1000,
  };
}

/** A machine that boots may have no network yet, and servers reboot too. */
async function connectPatiently(run: CommandRun): Promise<Store> {
  const { endpoints, interrupt, output, connectTimeoutMs: timeoutMs } = run;
  const { signal } = interrupt;
  const { connect } = await import('../client/index.js');
  for (let tries = 0; ; tries++) {
    try {
      return await connect(endpoints, { timeoutMs, signal });
    } catch (error) {
      const passes = isStoreError(error, 'Unavailable') || isStoreError(error, 'Timeout');
      if (!passes || signal.aborted) throw error;
      if (tries === 0) output.remark(`no server answers at ${endpoints}; trying again`);
    }
    await sleep(timeoutMs, undefined, { signal });
  }
}
