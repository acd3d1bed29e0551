import type { Command } from 'commander';
import type { MemberReport } from '../client/index.js';
import { clusterSummary } from './cluster-summary.js';
import { isStoreError } from '../store/index.js';
import { EXIT_CODE } from './exit-code.js';
import { type Failure, failureOf } from './failure.js';
import type { JsonRecord } from './json-record.js';
import { type CommandRun, type CommonOptions, runCommand, storeCommand } from './store-command.js';

interface StatusOptions extends CommonOptions {
  readonly cluster?: boolean;
}

/** What came of asking one endpoint. */
interface Look {
  readonly exitCode: number;
  readonly report: MemberReport | undefined;
}

const EXAMPLES = `  $ tidelock status
  $ tidelock status --cluster            # every member, wherever one can be asked who there is
  $ tidelock status --endpoints http://10.0.0.1:2379,http://10.0.0.2:2379
  $ tidelock status -w json | jq -r 'select(.alarms != []) | .endpoint'
`;

const MEBIBYTE = 1_048_576;

/** Adds `status`: what each endpoint says of itself, one line an endpoint, and what that makes. */
export function registerStatus(program: Command): void {
  storeCommand(program, 'status', 'Show how each server does, and the cluster.', EXAMPLES)
    .option('--cluster', 'ask all members of the cluster, not just the endpoints')
    .action((options: StatusOptions) =>
      runCommand(options, async (run) => {
        const given = run.endpoints.split(',').map((text) => text.trim());
        const endpoints =
          options.cluster === true ? await memberEndpoints(run) : given.filter((one) => one !== '');
        const asked = endpoints.map((url) => look(url, run));
        const looks: Look[] = [];
        // In the order in which they were named, whoever answers first.
        for (const one of asked) looks.push((await one)());
        const reports = looks.map(({ report }) => report);
        if (endpoints.length > 1 && run.output.format === 'simple') {
          process.stdout.write(`${clusterSummary(endpoints, reports)}\n`);
        }
        return Math.max(EXIT_CODE.done, ...looks.map(({ exitCode }) => exitCode));
      }),
    );
}

/** Where clients find each member; one that has never started is told of and left out. */
async function memberEndpoints(run: CommandRun): Promise<readonly string[]> {
  const { endpoints, interrupt, connectTimeoutMs, output } = run;
  const options = { timeoutMs: connectTimeoutMs, signal: interrupt.signal };
  const { ClusterAdmin } = await import('../client/index.js');
  await using admin = new ClusterAdmin(endpoints, options);
  const { members } = await admin.members({ linearizable: false });
  return members.flatMap(({ id, peerUrls, clientUrls: [url] }) => {
    if (url !== undefined) return [url];
    output.remark(`member ${id.toString(16)} at ${peerUrls.join()} has not started yet`);
    return [];
  });
}

/** Asks an endpoint; what came of it is shown by calling the result. Never rejects. */
async function look(endpoint: string, run: CommandRun): Promise<() => Look> {
  const { output, interrupt, connectTimeoutMs } = run;
  try {
    const options = { timeoutMs: connectTimeoutMs, signal: interrupt.signal };
    const { askMember } = await import('../client/index.js');
    const report = await askMember(endpoint, options);
    return () => {
      output.write(recordOf(endpoint, report), () => linesOf(endpoint, report));
      return { exitCode: EXIT_CODE.done, report };
    };
  } catch (error) {
    const { line, exitCode } = silence(endpoint, error) ?? (await failureOf(error, endpoint));
    return () => {
      if (interrupt.signal.aborted) throw error;
      if (output.format === 'json') {
        output.write({ endpoint, revision: null, error: line }, () => []);
      }
      output.remark(line);
      return { exitCode, report: undefined };
    };
  }
}

/** Among several endpoints one line must say which is meant, and need say it only once. */
function silence(endpoint: string, error: unknown): Failure | undefined {
  if (!isStoreError(error, 'Unavailable')) return undefined;
  const reason = /\((?:Error: )?([^()]*)\)$/.exec(error.message)?.[1] ?? error.message;
  return { exitCode: EXIT_CODE.unavailable, line: `${endpoint}  does not answer: ${reason}` };
}

function recordOf(endpoint: string, report: MemberReport): JsonRecord {
  const { clusterId, memberId, leaderId, ...rest } = report;
  return {
    endpoint,
    ...rest,
    clusterId: clusterId.toString(16),
    memberId: memberId.toString(16),
    leaderId: leaderId.toString(16),
  };
}

function linesOf(endpoint: string, report: MemberReport): readonly string[] {
  const { version, role, revision, raftTerm, alarms, errors } = report;
  const size = `${(report.sizeBytes / MEBIBYTE).toFixed(1)} MiB`;
  const inUse = `${(report.sizeInUseBytes / MEBIBYTE).toFixed(1)} in use`;
  const raised = alarms.length === 0 ? 'no alarms' : `ALARM ${alarms.join(' ')}`;
  const id = report.memberId.toString(16);
  const who = report.leaderId === 0n ? `without leader ${id}` : `${role} ${id}`;
  const facts = `version ${version}, ${who}, revision ${revision}, term ${raftTerm}`;
  return [`${endpoint}  ${facts}, ${size} (${inUse}), ${raised}`, ...errors.map((e) => `  ${e}`)];
}
