import type {
  LeaseGrantRequest,
  LeaseGrantResult,
  LeaseKeepAliveResult,
  LeaseListResult,
  LeaseRevokeResult,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResult,
} from '../store/index.js';
import { Lease } from './gen/etcdserverpb/lease_pb.js';
import { Watch } from './gen/etcdserverpb/watch_pb.js';
import { decodeHeaderOnly, encodeHeaderOnly } from './header-only.js';
import * as lease from './lease.js';
import { messageMethod } from './message-method.js';
import type { MethodDefinition } from './method.js';
import * as watch from './watch.js';

const WATCH: MethodDefinition<watch.WatchStreamRequest, watch.WatchResponse> = {
  ...messageMethod(Watch.method.watch),
  requestSerialize: watch.encodeWatchRequest,
  requestDeserialize: watch.decodeWatchRequest,
  responseSerialize: watch.encodeWatchResponse,
  responseDeserialize: watch.decodeWatchResponse,
};

/** The one rpc of the Watch service. */
export const WATCH_METHODS = { watch: WATCH } as const;

const GRANT: MethodDefinition<LeaseGrantRequest, LeaseGrantResult> = {
  ...messageMethod(Lease.method.leaseGrant),
  requestSerialize: lease.encodeLeaseGrantRequest,
  requestDeserialize: lease.decodeLeaseGrantRequest,
  responseSerialize: lease.encodeLeaseGrantResponse,
  responseDeserialize: lease.decodeLeaseGrantResponse,
};

/** The request is the lease's id alone. */
const REVOKE: MethodDefinition<bigint, LeaseRevokeResult> = {
  ...messageMethod(Lease.method.leaseRevoke),
  requestSerialize: lease.encodeLeaseRevokeRequest,
  requestDeserialize: lease.decodeLeaseRevokeRequest,
  responseSerialize: encodeHeaderOnly,
  responseDeserialize: decodeHeaderOnly,
};

/** The request is the lease's id alone; a TTL of 0 in the answer means that there is none. */
const KEEP_ALIVE: MethodDefinition<bigint, LeaseKeepAliveResult> = {
  ...messageMethod(Lease.method.leaseKeepAlive),
  requestSerialize: lease.encodeLeaseKeepAliveRequest,
  requestDeserialize: lease.decodeLeaseKeepAliveRequest,
  responseSerialize: lease.encodeLeaseKeepAliveResponse,
  responseDeserialize: lease.decodeLeaseKeepAliveResponse,
};

const TIME_TO_LIVE: MethodDefinition<LeaseTimeToLiveRequest, LeaseTimeToLiveResult> = {
  ...messageMethod(Lease.method.leaseTimeToLive),
  requestSerialize: lease.encodeLeaseTimeToLiveRequest,
  requestDeserialize: lease.decodeLeaseTimeToLiveRequest,
  responseSerialize: lease.encodeLeaseTimeToLiveResponse,
  responseDeserialize: lease.decodeLeaseTimeToLiveResponse,
};

/** The request has no content. */
const LEASES: MethodDefinition<undefined, LeaseListResult> = {
  ...messageMethod(Lease.method.leaseLeases),
  requestSerialize: lease.encodeLeaseListRequest,
  requestDeserialize: () => undefined,
  responseSerialize: lease.encodeLeaseListResponse,
  responseDeserialize: lease.decodeLeaseListResponse,
};

/** The rpcs of the Lease service, in store types. */
export const LEASE_METHODS = {
  leaseGrant: GRANT,
  leaseRevoke: REVOKE,
  leaseKeepAlive: KEEP_ALIVE,
  leaseTimeToLive: TIME_TO_LIVE,
  leaseLeases: LEASES,
} as const;
