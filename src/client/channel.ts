import { Client, credentials } from '@grpc/grpc-js';
import { LIMITS, StoreError } from '../store/index.js';
import type { Endpoint } from './endpoint.js';
import type { TlsOptions } from './options.js';

/**
 * A gRPC channel to one endpoint, with everything switched off by which gRPC would decide for
 * itself what is sent twice or where.
 * @throws StoreError `InvalidArgument` for TLS options that make no sense
 */
export function openChannel(endpoint: Endpoint, tls: TlsOptions | undefined): Client {
  const serverName = tls?.serverName;
  return new Client(
    endpoint.target,
    endpoint.secure ? secureCredentials(tls ?? {}) : credentials.createInsecure(),
    {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': LIMITS.clientPingMs,
      'grpc.keepalive_timeout_ms': LIMITS.clientPingTimeoutMs,
      'grpc.initial_reconnect_backoff_ms': LIMITS.clientBackoffFirstMs * 4,
      'grpc.max_reconnect_backoff_ms': LIMITS.clientBackoffMaxMs,
      // What may be sent twice is decided here and nowhere else.
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      // Clients of one process must not share a connection that one of them closes or loses.
      'grpc.use_local_subchannel_pool': 1,
      ...(serverName === undefined ? {} : { 'grpc.ssl_target_name_override': serverName }),
    },
  );
}

function secureCredentials(tls: TlsOptions) {
  const pem = (text: string | Uint8Array | undefined): Buffer | null =>
    text === undefined ? null : Buffer.from(text);
  if ((tls.key === undefined) !== (tls.cert === undefined)) {
    throw new StoreError('InvalidArgument', 'tls.cert and tls.key go together; one is missing');
  }
  try {
    return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert));
  } catch (error) {
    throw new StoreError('InvalidArgument', `tls: ${String(error)}`, { cause: error });
  }
}
