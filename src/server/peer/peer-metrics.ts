import type { MetricsPage, Reading } from '../metrics/page.js';
import type { PeerEndpoint } from './peer-endpoint.js';
import type { PeerNetwork } from './peer-network.js';
import type { PeerTraffic } from './peer-traffic.js';

function pair(
  network: PeerNetwork,
  peer: bigint,
): { readonly Local: string; readonly Remote: string } {
  return { Local: network.me?.memberId.toString(16) ?? '', Remote: peer.toString(16) };
}

/** A histogram of the ways to members and back. */
export function roundTrips(page: MetricsPage): (peer: bigint, seconds: number) => void {
  const histogram = page.histogram(
    'etcd_network_peer_round_trip_time_seconds',
    'How long members took to answer.',
    { start: 0.0001, factor: 2, count: 16 },
    ['To'],
  );
  return (peer, seconds) => histogram.labels({ To: peer.toString(16) }).observe(seconds);
}

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
    'etcd_network_peer_sent_failures_total',
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
  page.counters(
    'etcd_network_disconnected_peers_total',
    'Streams to a member that were lost, three for each time that it was.',
    ['Local', 'Remote'],
    () => [...network.traffic].map(([id, traffic]) => [pair(network, id), traffic.disconnects]),
  );
  const peers = (name: string, help: string, read: () => readonly bigint[]): void =>
    page.gauges(name, help, ['Local', 'Remote'], () => read().map((id) => [pair(network, id), 1]));
  peers('etcd_network_known_peers', 'Members that are to be reached.', () => network.knownPeers);
  peers('etcd_network_active_peers', 'Members that are reached.', () => network.connectedPeers);
  page.counter(
    'tidelock_peer_connections_refused_total',
    'Connections to the peer port that were closed before they said what they speak.',
    () => endpoint.refusedConnections,
  );
}
