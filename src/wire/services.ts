import { AUTH_METHODS } from './auth.js';
import { CLUSTER_METHODS } from './cluster.js';
import { ELECTION_METHODS, LOCK_METHODS } from './coordination.js';
import { HEALTH_METHODS } from './health.js';
import { KV_METHODS } from './kv-methods.js';
import { MAINTENANCE_METHODS } from './maintenance.js';
import { PIPE_METHODS } from './pipe.js';
import { LEASE_METHODS, WATCH_METHODS } from './stream-methods.js';

/**
 * Every service of the client port by its full name, with every rpc: those that a server does not
 * build yet are here too, so that it can refuse them by name. `bytesOnly` makes of any of them what
 * a grpc-js server can register.
 */
export const SERVICES = {
  'etcdserverpb.KV': KV_METHODS,
  'etcdserverpb.Watch': WATCH_METHODS,
  'etcdserverpb.Lease': LEASE_METHODS,
  'etcdserverpb.Cluster': CLUSTER_METHODS,
  'etcdserverpb.Maintenance': MAINTENANCE_METHODS,
  'etcdserverpb.Auth': AUTH_METHODS,
  'v3lockpb.Lock': LOCK_METHODS,
  'v3electionpb.Election': ELECTION_METHODS,
  'grpc.health.v1.Health': HEALTH_METHODS,
  'tidelock.pipe.v1.Pipe': PIPE_METHODS,
} as const;

export type ServiceName = keyof typeof SERVICES;

/** What can be said of any method without knowing its messages. */
export interface AnyMethod {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}

/** All rpcs of a service, built or not. */
export function methodsOf(service: ServiceName): readonly AnyMethod[] {
  return Object.values<AnyMethod>(SERVICES[service]);
}

export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[];
