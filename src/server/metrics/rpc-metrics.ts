import { Pipe } from '../../wire/gen/tidelock/pipe/v1/pipe_pb.js';
import type { MetricsPage, Reading } from './page.js';
import { CODE_NAMES, type RpcCounters } from './rpc-counters.js';

const LABELS = ['grpc_type', 'grpc_service', 'grpc_method'];

/** The `grpc_server_*` family and the client traffic. Every rpc is there from the start, at 0. */
export function addRpcMetrics(
  page: MetricsPage,
  rpcs: readonly RpcCounters[],
  extensive: boolean,
): void {
  const each = (value: (rpc: RpcCounters) => number): Reading =>
    rpcs.map((rpc) => [labelsOf(rpc), value(rpc)]);
  // What goes through a pipe is counted with the calls that it carries.
  const carried = rpcs.filter(({ service }) => service !== Pipe.typeName);
  const sum = (value: (rpc: RpcCounters) => number): number =>
    carried.reduce((total, rpc) => total + value(rpc), 0);

  page.counters('grpc_server_started_total', 'Calls started.', LABELS, () =>
    each((rpc) => rpc.started),
  );
  page.counters('grpc_server_msg_received_total', 'Messages received.', LABELS, () =>
    each((rpc) => rpc.messagesReceived),
  );
  page.counters('grpc_server_msg_sent_total', 'Messages sent.', LABELS, () =>
    each((rpc) => rpc.messagesSent),
  );
  page.counters(
    'grpc_server_handled_total',
    'Calls ended, by code.',
    [...LABELS, 'grpc_code'],
    () =>
      rpcs.flatMap((rpc) =>
        CODE_NAMES.map(
          (name, code) => [{ ...labelsOf(rpc), grpc_code: name }, rpc.handled[code] ?? 0] as const,
        ),
      ),
  );
  page.counter(
    'etcd_network_client_grpc_received_bytes_total',
    'Bytes of messages from clients.',
    () => sum((rpc) => rpc.bytesReceived),
  );
  page.counter('etcd_network_client_grpc_sent_bytes_total', 'Bytes of messages to clients.', () =>
    sum((rpc) => rpc.bytesSent),
  );
  const promotions = rpcs.find(({ method }) => method === 'MemberPromote');
  page.counter(
    'etcd_server_learner_promote_successes',
    'Learners that this member was asked to promote, and that vote now.',
    () => promotions?.handled[0] ?? 0,
  );
  if (!extensive) return;
  const handling = page.histogram(
    'grpc_server_handling_seconds',
    'How long calls took.',
    { start: 0.001, factor: 2, count: 14 },
    LABELS,
  );
  for (const rpc of rpcs) {
    const labelled = handling.labels(labelsOf(rpc));
    rpc.observeSeconds = (seconds) => labelled.observe(seconds);
  }
}

function labelsOf(rpc: RpcCounters): Record<string, string> {
  return { grpc_type: rpc.shape, grpc_service: rpc.service, grpc_method: rpc.method };
}
