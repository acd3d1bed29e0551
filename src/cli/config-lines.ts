import type { ConfigReports, RolloutStatus } from '../recipes/index.js';
import type { JsonRecord, JsonValue } from './json-record.js';
import { sinceText } from './since-text.js';

/** How configurations, their reports and their rollouts look to a person and in JSON. */

/** A value as a line of JSON output. */
export function configRecord(prefix: string, revision: number, value: unknown): JsonRecord {
  return { revision, prefix, value: value as JsonValue };
}

/** `57 {"port":8080}`. */
export function configLine(revision: number, value: unknown): string {
  return `${revision} ${JSON.stringify(value)}`;
}

export function refusalLine(revision: number, issues: readonly string[]): string {
  return `the keys at revision ${revision} make no value: ${issues.join('; ')}`;
}

/** What is known of a configuration beside its keys, all at one revision. */
export interface ConfigOverview {
  readonly prefix: string;
  readonly revision: number;
  readonly reports: ConfigReports;
  readonly rollout: RolloutStatus;
}

export function overviewRecord({ prefix, revision, reports, rollout }: ConfigOverview): JsonRecord {
  const { stateId, done, trying, failures } = rollout;
  return {
    revision,
    prefix,
    stateId,
    instances: reports.reports.map((report) => ({
      ...report,
      origin: report.origin ?? null,
      refusal: report.refusal ?? null,
    })),
    rollout: { done, trying, failures: failures.map((failure) => ({ ...failure })) },
  };
}

/** The instances that report, and the rollout if there is one. */
export function overviewLines(overview: ConfigOverview): readonly string[] {
  const { prefix, revision, reports, rollout } = overview;
  const { done, trying, failures, stateId } = rollout;
  const isUp = (id: string): string => (id === stateId ? '' : ', not what is in the store');
  const lines = [`${prefix} at revision ${revision}: ${count(reports.reports.length)} report`];
  for (const { instance, origin, refusal, sinceMs, ...report } of reports.reports) {
    const runs = origin === undefined ? 'has no value' : runsWhat(origin, report.revision);
    const refuses = refusal === undefined ? '' : `; refuses ${refusal.revision}: `;
    const why = refusal?.issues.join('; ') ?? '';
    const behind = origin === undefined ? '' : isUp(report.stateId);
    lines.push(`  ${instance}  ${runs}${sinceText(sinceMs)}${behind}${refuses}${why}`);
  }
  if (done.length + trying.length + failures.length === 0) return lines;
  lines.push(`rollout: ${done.length} done, ${trying.length} at it, ${failures.length} failed`);
  for (const instance of trying) lines.push(`  ${instance}  is at it`);
  for (const { instance, kind, message, sinceMs } of failures) {
    lines.push(`  ${instance}  ${kind}${sinceText(sinceMs)}: ${message}`);
  }
  return lines;
}

function runsWhat(origin: 'default' | 'cache' | 'store', revision: number): string {
  if (origin === 'default') return 'runs its default';
  return `runs revision ${revision}${origin === 'cache' ? ' from its cache' : ''}`;
}

function count(instances: number): string {
  return instances === 1 ? '1 instance' : `${instances} instances`;
}
