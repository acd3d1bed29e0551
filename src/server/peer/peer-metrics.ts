import type { MetricsPage, Reading } from '../metrics/page.js';
import type { PeerEndpoint } from './peer-endpoint.js';
import type { PeerNetwork } from './peer-network.js';
import type { PeerTraffic } from './peer-traffic.js';

/** What goes between members, under etcd's names where it has one. Reads, and changes nothing. */
export function addPeerMetrics(
  page: MetricsPage,
  network: PeerNetwork,
  endpoint: PeerEndpoint,
): void {
  const reading = (label: string, read: (traffic: PeerTraffic) => number) => (): Reading =>
    [...network.traffic].map(([id, traffic]) => [{ [label]: id.toString(16) }, read(traffic)]);
  page.counters(
    'etcd_network_peer_sent_bytes_total',
    'Bytes sent to a member.',
    ['To'],
    reading('To', ({ sentBytes }) => sentBytes),
  );
  page.counters(
    'etcd_network_peer_received_bytes_total',
    'Bytes received from a member.',
    ['From'],
    reading('From', ({ receivedBytes }) => receivedBytes),
  );
  page.counters(
    'tidelock_network_peer_dropped_frames_total',
    'Frames for a member that were given up: no connection, or no room.',
    ['To'],
    reading('To', ({ droppedFrames }) => droppedFrames),
  );
  page.counters(
    'tidelock_network_peer_connects_total',
    'Streams that a member accepted, three for each time it was reached.',
    ['To'],
    reading('To', ({ connects }) => connects),
  );
  page.gauges('etcd_network_active_peers', 'Members that are reached.', ['Local', 'Remote'], () => {
    const local = network.me?.memberId.toString(16) ?? '';
    return network.connectedPeers.map((id) => [{ Local: local, Remote: id.toString(16) }, 1]);
  });
  page.counter(
    'tidelock_peer_connections_refused_total',
    'Connections to the peer port that were closed before they said what they speak.',
    () => endpoint.refusedConnections,
  );
}
