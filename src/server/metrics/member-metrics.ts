import type { KernelStatus } from '../../kernel/index.js';
import type { MemberView } from '../member-view.js';
import { CLUSTER_VERSION, ETCD_VERSION, TIDELOCK_VERSION } from '../version.js';
import type { MetricsPage } from './page.js';
import type { WorkCounters } from './work-counters.js';

/** What the member is and how full its store is, under etcd's names. */
export function addMemberMetrics(page: MetricsPage, view: MemberView, work: WorkCounters): void {
  const gauge = (name: string, help: string, read: (status: KernelStatus) => number): void => {
    page.gauge(name, help, () => read(view.kernel.status()));
  };
  gauge('etcd_server_has_leader', 'Whether a leader is known.', (s) => Number(s.leader !== 0n));
  gauge('etcd_server_is_leader', 'Whether this member leads.', (s) => Number(s.role === 'leader'));
  gauge('etcd_server_is_learner', 'Whether this member only learns.', (s) => Number(s.isLearner));
  gauge('etcd_server_proposals_committed_total', 'Log entries committed.', (s) => s.committedIndex);
  gauge('etcd_server_proposals_applied_total', 'Log entries applied.', (s) => s.appliedIndex);
  gauge('etcd_server_proposals_pending', 'Proposals not answered yet.', (s) => s.pendingProposals);
  page.counter(
    'etcd_server_proposals_failed_total',
    'Proposals refused or given up.',
    () => view.kernel.status().failedProposals,
  );
  gauge('etcd_server_quota_backend_bytes', 'The quota.', (s) => s.quotaBytes);
  gauge('etcd_mvcc_db_total_size_in_bytes', 'Size of the backend.', (s) => s.dbSizeBytes);
  gauge(
    'etcd_mvcc_db_total_size_in_use_in_bytes',
    'Bytes of the backend that hold something.',
    (s) => s.dbSizeInUseBytes,
  );
  gauge('etcd_debugging_mvcc_current_revision', 'The revision.', (s) => s.revision);
  gauge('etcd_debugging_mvcc_compact_revision', 'History begins here.', (s) => s.compactRevision);
  gauge('etcd_debugging_mvcc_keys_total', 'Keys.', (s) => s.keyCount);
  gauge('etcd_debugging_mvcc_watcher_total', 'Watchers.', (s) => s.watcherCount);
  gauge(
    'etcd_debugging_mvcc_pending_events_total',
    'Batches of events that wait for watchers.',
    (s) => s.pendingBatchCount,
  );
  gauge('tidelock_leases', 'Leases.', (s) => s.leaseCount);
  page.gauge('etcd_debugging_mvcc_watch_stream_total', 'Watch streams.', () => work.watchStreams);
  page.gauge(
    'etcd_debugging_mvcc_slow_watcher_total',
    'Watch streams that wait for their client to read.',
    () => work.slowWatchStreams,
  );
  page.counter(
    'etcd_server_leader_changes_seen_total',
    'How often a leader was found.',
    () => view.leaderChanges,
  );
  addWork(page, work);
  addIdentity(page, view);
}

function addWork(page: MetricsPage, work: WorkCounters): void {
  const counter = (
    name: string,
    help: string,
    key: Exclude<keyof WorkCounters, 'countTxn'>,
  ): void => {
    page.counter(name, help, () => work[key]);
  };
  counter('etcd_mvcc_range_total', 'Ranges read for clients.', 'ranges');
  counter('etcd_mvcc_put_total', 'Puts done for clients.', 'puts');
  counter('etcd_mvcc_delete_total', 'Keys deleted for clients.', 'deletes');
  counter('etcd_mvcc_txn_total', 'Txns done for clients.', 'txns');
  counter('etcd_debugging_lease_granted_total', 'Leases granted.', 'leasesGranted');
  counter('etcd_debugging_lease_revoked_total', 'Leases revoked by clients.', 'leasesRevoked');
  counter('etcd_debugging_lease_renewed_total', 'Leases kept alive.', 'leasesRenewed');
  counter('etcd_debugging_mvcc_events_total', 'Events sent to watchers.', 'events');
  counter('etcd_server_health_success', 'Good answers to /health.', 'healthSuccesses');
  counter('etcd_server_health_failures', 'Bad answers to /health.', 'healthFailures');
}

function addIdentity(page: MetricsPage, view: MemberView): void {
  const one = (name: string, help: string, labels: Readonly<Record<string, string>>): void => {
    page.gauges(name, help, Object.keys(labels), () => [[labels, 1]]);
  };
  one('etcd_server_version', 'The etcd whose interface is spoken.', {
    server_version: ETCD_VERSION,
  });
  one('etcd_cluster_version', 'What all members understand.', { cluster_version: CLUSTER_VERSION });
  one('tidelock_build_info', 'What this program is.', {
    version: TIDELOCK_VERSION,
    node: process.version,
  });
  one('etcd_server_id', 'The id of this member.', {
    server_id: view.kernel.header().memberId.toString(16),
  });
  page.gauges('etcd_debugging_server_alarms', 'Raised alarms.', ['server_id', 'alarm_type'], () =>
    view.kernel.alarms().map(({ memberId, alarm }) => {
      return [{ server_id: memberId.toString(16), alarm_type: alarm.toUpperCase() }, 1] as const;
    }),
  );
}
