import type { Command } from 'commander';
import { isStoreError } from '../store/index.js';
import { CliError } from './cli-error.js';
import { EXIT_CODE } from './exit-code.js';
import { memberAdvice } from './member-advice.js';
import { memberId, runWithAdmin } from './member.js';
import { type CommandRun, type CommonOptions, storeCommand } from './store-command.js';

const EXAMPLES = `  $ tidelock status --cluster              # shows who leads, and the others
  $ tidelock move-leader 8e9e05c52164694d
`;

/** Adds `move-leader`: another member leads, without an election. */
export function registerMoveLeader(program: Command): void {
  storeCommand(program, 'move-leader', 'Have another member lead.', EXAMPLES)
    .argument('<id>', 'the member that is to lead, in hexadecimal', memberId)
    .action((target: bigint, options: CommonOptions) =>
      runWithAdmin(options, async (admin, run) => {
        const { members } = await admin.members();
        const clientUrls = members.map(({ id, clientUrls: urls }) => ({ id, urls }));
        const leader = await findLeader(run, clientUrls);
        const [from, to] = [leader.id.toString(16), target.toString(16)];
        if (leader.id !== target) await move(leader.endpoint, target, run);
        const revision = null;
        output(run, { from, to, revision }, leader.id === target);
        return EXIT_CODE.done;
      }),
    );
}

function output(
  run: CommandRun,
  record: { readonly from: string; readonly to: string; readonly revision: null },
  isThere: boolean,
): void {
  const { from, to } = record;
  run.output.write(record, () => [
    isThere ? `${to} leads already` : `leadership moved from ${from} to ${to}`,
  ]);
}

interface Leader {
  readonly id: bigint;
  readonly endpoint: string;
}

/** Only the leader can hand over, wherever the endpoints that were given lead to. */
async function findLeader(
  { endpoints, interrupt, connectTimeoutMs }: CommandRun,
  members: readonly { readonly id: bigint; readonly urls: readonly string[] }[],
): Promise<Leader> {
  const { askMember } = await import('../client/index.js');
  const options = { timeoutMs: connectTimeoutMs, signal: interrupt.signal };
  const asked = new Set<string>();
  const given = endpoints.split(',').map((text) => text.trim());
  let leaderId = 0n;
  for (const endpoint of [...given, ...members.flatMap(({ urls }) => urls)]) {
    if (endpoint === '' || asked.has(endpoint)) continue;
    asked.add(endpoint);
    try {
      const report = await askMember(endpoint, options);
      if (report.leaderId !== 0n) leaderId = report.leaderId;
      if (report.memberId === report.leaderId) return { id: leaderId, endpoint };
    } catch (error) {
      if (interrupt.signal.aborted || !isStoreError(error)) throw error;
      // Others may answer.
    }
  }
  const who = leaderId === 0n ? 'nobody leads' : `the leader ${leaderId.toString(16)} is not there`;
  const advice = 'give its address with --endpoints';
  throw new CliError(EXIT_CODE.unavailable, `${who}, asked ${[...asked].join(', ')}; ${advice}`);
}

async function move(endpoint: string, target: bigint, run: CommandRun): Promise<void> {
  const { ClusterAdmin } = await import('../client/index.js');
  await using admin = new ClusterAdmin(endpoint, {
    timeoutMs: run.connectTimeoutMs,
    signal: run.interrupt.signal,
  });
  try {
    await admin.moveLeader(target);
  } catch (error) {
    throw memberAdvice(error);
  }
}
