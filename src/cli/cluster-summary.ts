import type { MemberReport } from '../client/index.js';

/**
 * What several members together say about their cluster, in one line: who leads, how many answer,
 * and whatever is not as it should be.
 */
export function clusterSummary(
  endpoints: readonly string[],
  reports: readonly (MemberReport | undefined)[],
): string {
  const there = reports.filter((report) => report !== undefined);
  const answering = `${there.length} of ${endpoints.length} answer`;
  const clusters = distinct(there.map(({ clusterId }) => clusterId.toString(16)));
  if (clusters.length === 0) return `cluster: ${answering}`;
  if (clusters.length > 1) {
    return `these are members of ${clusters.length} clusters: ${clusters.join(', ')}`;
  }
  return `cluster ${clusters[0]}: ${answering}, ${leaderText(endpoints, reports)}, ${reach(there)}`;
}

function leaderText(
  endpoints: readonly string[],
  reports: readonly (MemberReport | undefined)[],
): string {
  const there = reports.filter((report) => report !== undefined);
  const leaders = distinct(there.map(({ leaderId }) => leaderId.toString(16)));
  if (leaders.length > 1) {
    const named = leaders.map((id) => (id === '0' ? 'nobody' : id));
    return `NO AGREEMENT who leads (${named.join(', ')})`;
  }
  const [leader = '0'] = leaders;
  if (leader === '0') return 'NO LEADER';
  const at = reports.findIndex((report) => report?.memberId.toString(16) === leader);
  return `${leader} leads${at < 0 ? '' : ` at ${endpoints[at]}`}`;
}

function reach(reports: readonly MemberReport[]): string {
  const revisions = reports.map(({ revision }) => revision);
  const [least, most] = [Math.min(...revisions), Math.max(...revisions)];
  return least === most ? `all at revision ${most}` : `at revisions ${least} to ${most}`;
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
