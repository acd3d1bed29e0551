import type { KernelOptions, MemberRecord } from '../kernel/index.js';
import type { PeerAddress } from '../ports/network.js';
import { LIMITS } from '../store/index.js';
import type { ClusterConfig } from './config/initial-cluster.js';
import { firstMembers } from './first-members.js';
import { type AskMembers, askMembers, type ClusterReport } from './peer/ask-members.js';
import { StartFailure } from './start-failure.js';

/** How a member begins, or goes on. */
export interface Beginning {
  readonly clusterId: bigint;
  /** What it publishes about itself. */
  readonly member: MemberRecord;
  /** Absent for a member that has data. */
  readonly start?: NonNullable<KernelOptions['start']>;
  /** Members it was told of, to reach before its own state names them. */
  readonly known: readonly PeerAddress[];
}

export interface BeginningOptions {
  readonly cluster: ClusterConfig;
  readonly name: string;
  readonly clientUrls: readonly string[];
  readonly ask?: AskMembers;
  /** How long a member that joins looks for one that knows it, in milliseconds. */
  readonly joinMs?: number;
  /** Told once, when the first look found nobody who knows it: why, in a few words. */
  readonly waits?: (reason: string) => void;
}

/**
 * Decides by etcd's rules how a member begins: data counts for more than any flag; `new` makes a
 * member of a cluster that begins, unless the others know that it has begun before; `existing` asks
 * the others for the id under which it was added. Writes nothing.
 * @throws ConfigError, StartFailure
 */
export async function decideBeginning(
  options: BeginningOptions,
  hasData: boolean,
): Promise<Beginning> {
  const { cluster } = options;
  if (hasData) {
    const { memberId, clusterId } = cluster;
    return { clusterId, member: recordOf(options, memberId, false), known: [] };
  }
  if (cluster.forceNew) {
    throw new StartFailure('--force-new-cluster: there is no data here to go on with');
  }
  if (cluster.fault !== undefined) throw cluster.fault;
  return cluster.state === 'new' ? await beginNew(options) : await join(options);
}

function recordOf(options: BeginningOptions, id: bigint, isLearner: boolean): MemberRecord {
  const { name, cluster, clientUrls } = options;
  return { id, name, peerUrls: cluster.peerUrls, clientUrls, isLearner };
}

/** Addresses of the others. */
function otherUrls(cluster: ClusterConfig): readonly string[] {
  const all = cluster.initialMembers.flatMap(({ peerUrls }) => peerUrls);
  return all.filter((url) => !cluster.peerUrls.includes(url));
}

async function beginNew(options: BeginningOptions): Promise<Beginning> {
  const { cluster, ask = askMembers } = options;
  const { memberId, clusterId } = cluster;
  const reports = await ask(otherUrls(cluster), LIMITS.peerAskMs);
  for (const report of reports) refuseSecondBirth(report, clusterId, memberId);
  const members = firstMembers(cluster);
  return {
    clusterId,
    member: recordOf(options, memberId, false),
    start: { kind: 'new', members },
    known: addressesOf(members, memberId),
  };
}

/** A member that begins again without its data would break what it had promised. */
function refuseSecondBirth(report: ClusterReport, clusterId: bigint, memberId: bigint): void {
  if (report.clusterId !== clusterId) {
    throw new StartFailure(
      `member ${hex(report.memberId)} is in cluster ${hex(report.clusterId)} already, and these ` +
        `flags begin cluster ${hex(clusterId)}; to join the one that runs, add this member there ` +
        'and start it with --initial-cluster-state existing',
    );
  }
  const known = report.members.find(({ id }) => id === memberId);
  if (known === undefined) {
    throw new StartFailure(
      `member ${hex(memberId)} was removed from the cluster; add it again, and start it with ` +
        '--initial-cluster-state existing',
    );
  }
  if (known.clientUrls.length > 0) throw bootstrapped(known);
}

function bootstrapped({ id, name }: MemberRecord): StartFailure {
  return new StartFailure(
    `member ${hex(id)} (${name}) has already been bootstrapped, and its data is not here; start ` +
      'it on its own --data-dir, or remove it from the cluster and add it anew',
  );
}

async function join(options: BeginningOptions): Promise<Beginning> {
  const { cluster, ask = askMembers, joinMs = LIMITS.peerJoinMs, waits } = options;
  const urls = otherUrls(cluster);
  const startedAt = performance.now();
  for (let round = 1; ; round++) {
    const reports = await ask(urls, LIMITS.peerAskMs);
    const found = findSelf(reports, cluster.peerUrls);
    if (found !== undefined) {
      const { report, self } = found;
      if (self.clientUrls.length > 0) throw bootstrapped(self);
      return {
        clusterId: report.clusterId,
        member: recordOf(options, self.id, self.isLearner),
        start: { kind: 'join', members: report.members },
        known: addressesOf(report.members, self.id),
      };
    }
    // One that lags may not know this member yet, and one that starts does not answer yet.
    const failure = notFound(reports, urls, cluster);
    if (performance.now() - startedAt >= joinMs) throw failure;
    if (round === 1) waits?.(failure.message);
    await new Promise((resolve) => setTimeout(resolve, LIMITS.peerJoinPauseMs));
  }
}

function findSelf(
  reports: readonly ClusterReport[],
  peerUrls: readonly string[],
): { readonly report: ClusterReport; readonly self: MemberRecord } | undefined {
  const wanted = peerUrls.toSorted().join();
  for (const report of reports) {
    const self = report.members.find((member) => member.peerUrls.toSorted().join() === wanted);
    if (self !== undefined) return { report, self };
  }
  return undefined;
}

function notFound(
  reports: readonly ClusterReport[],
  urls: readonly string[],
  { peerUrls }: ClusterConfig,
): StartFailure {
  if (reports.length === 0) {
    return new StartFailure(`no member of the running cluster answers at ${urls.join(', ')}`);
  }
  const own = peerUrls.join(',');
  return new StartFailure(
    `the cluster knows no member with the peer addresses ${own}; ` +
      `add it first: etcdctl member add <name> --peer-urls ${own}`,
  );
}

function addressesOf(members: readonly MemberRecord[], self: bigint): readonly PeerAddress[] {
  return members
    .filter(({ id }) => id !== self)
    .map(({ id, peerUrls }) => ({ id, urls: peerUrls }));
}

function hex(id: bigint): string {
  return id.toString(16);
}
