import type { Command } from 'commander';
import { askMember, type MemberReport } from '../client/index.js';
import { EXIT_CODE } from './exit-code.js';
import { failureOf } from './failure.js';
import type { JsonRecord } from './json-record.js';
import { type CommandRun, type CommonOptions, runCommand, storeCommand } from './store-command.js';

const EXAMPLES = `  $ tidelock status
  $ tidelock status --endpoints http://10.0.0.1:2379,http://10.0.0.2:2379
  $ tidelock status -w json | jq -r 'select(.alarms != []) | .endpoint'
`;

const MEBIBYTE = 1_048_576;

/** Adds `status`: what each endpoint says of itself, one line an endpoint. */
export function registerStatus(program: Command): void {
  storeCommand(program, 'status', 'Show how each server does.', EXAMPLES).action(
    (options: CommonOptions) =>
      runCommand(options, async (run) => {
        const endpoints = run.endpoints.split(',').map((text) => text.trim());
        const asked = endpoints.filter((text) => text !== '').map((url) => show(url, run));
        const exitCodes = await Promise.all(asked);
        return Math.max(EXIT_CODE.done, ...exitCodes);
      }),
  );
}

async function show(endpoint: string, run: CommandRun): Promise<number> {
  const { output, interrupt, connectTimeoutMs } = run;
  try {
    const options = { timeoutMs: connectTimeoutMs, signal: interrupt.signal };
    const report = await askMember(endpoint, options);
    output.write(recordOf(endpoint, report), () => linesOf(endpoint, report));
    return EXIT_CODE.done;
  } catch (error) {
    if (interrupt.signal.aborted) throw error;
    const { line, exitCode } = failureOf(error, endpoint);
    if (output.format === 'json') {
      output.write({ endpoint, revision: null, error: line }, () => []);
    }
    output.remark(line);
    return exitCode;
  }
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
  const facts = `version ${version}, ${role}, revision ${revision}, term ${raftTerm}`;
  return [`${endpoint}  ${facts}, ${size} (${inUse}), ${raised}`, ...errors.map((e) => `  ${e}`)];
}
