import type { MeterName } from '../../ports/trace.js';
import type { MetricsPage } from './page.js';

export type Observer = (value: number, peer?: bigint) => void;

/** What is measured only where a member has others beside it, or leases. */
type ClusterMeterName = Extract<
  MeterName,
  | 'lateHeartbeatCount'
  | 'slowReadCount'
  | 'failedReadCount'
  | 'leaseExpiryCount'
  | `snapshot${string}`
>;

/** A counter for each, under etcd's name; what is about another member is labelled with it. */
export function clusterObservers(page: MetricsPage): Record<ClusterMeterName, Observer> {
  const count = (name: string, help: string): Observer => {
    let total = 0;
    page.counter(name, help, () => total);
    return (value) => {
      total += value;
    };
  };
  const countByPeer = (name: string, help: string, label: 'To' | 'From'): Observer => {
    const totals = new Map<bigint, number>();
    page.counters(name, help, [label], () =>
      [...totals].map(([peer, total]) => [{ [label]: peer.toString(16) }, total]),
    );
    return (value, peer = 0n) => void totals.set(peer, (totals.get(peer) ?? 0) + value);
  };
  const sent = countByPeer('etcd_network_snapshot_send_success', 'States sent.', 'To');
  const sendSeconds = page.histogram(
    'etcd_network_snapshot_send_total_duration_seconds',
    'How long each state took to its member.',
    { start: 0.1, factor: 2, count: 10 },
    ['To'],
  );
  let installing = 0;
  page.gauge(
    'etcd_server_snapshot_apply_in_progress_total',
    'States that are taking the place of the own one.',
    () => installing,
  );
  return {
    lateHeartbeatCount: count(
      'etcd_server_heartbeat_send_failures_total',
      'Heartbeats of this leader that went out late: its disk or processor may be overloaded.',
    ),
    slowReadCount: count(
      'etcd_server_slow_read_indexes_total',
      'Rounds of linearizable reads that no leader answered in time.',
    ),
    failedReadCount: count(
      'etcd_server_read_indexes_failed_total',
      'Rounds of linearizable reads that were asked again because the leader changed.',
    ),
    leaseExpiryCount: count(
      'etcd_debugging_server_lease_expired_total',
      'Leases that this leader found to be over.',
    ),
    snapshotSendSeconds: (value, peer = 0n) => {
      sent(1, peer);
      sendSeconds.labels({ To: peer.toString(16) }).observe(value);
    },
    snapshotSendFailureCount: countByPeer(
      'etcd_network_snapshot_send_failures',
      'States that did not arrive.',
      'To',
    ),
    snapshotReceiptCount: countByPeer(
      'etcd_network_snapshot_receive_success',
      'States of other members that arrived whole.',
      'From',
    ),
    snapshotReceiptFailureCount: countByPeer(
      'etcd_network_snapshot_receive_failures',
      'States of other members that were given up.',
      'From',
    ),
    snapshotInstallCount: (value) => {
      installing += value;
    },
  };
}
