import { isStoreError, type LeaseKeepAliveResult, LIMITS } from '../../store/index.js';
import {
  decodeLeaseGrantRequest,
  decodeLeaseKeepAliveRequest,
  decodeLeaseRevokeRequest,
  decodeLeaseTimeToLiveRequest,
  encodeLeaseGrantResponse,
  encodeLeaseKeepAliveResponse,
  encodeLeaseListResponse,
  encodeLeaseTimeToLiveResponse,
} from '../../wire/lease.js';
import { encodeHeaderOnly } from '../../wire/header-only.js';
import { LEASE_METHODS } from '../../wire/stream-methods.js';
import { serveLeaseStream } from './lease-stream.js';
import type { ServiceParts } from './service-parts.js';

/**
 * The Lease service. Only the keep-alive stream has a shape of its own; the rest is one call each.
 */
export function registerLease(parts: ServiceParts): void {
  const { registrar, work } = parts;
  const { leases } = parts.kernel.store;

  registrar.unary(LEASE_METHODS.leaseGrant, async (message) => {
    const result = await leases.grant(decodeLeaseGrantRequest(message));
    work.leasesGranted += 1;
    return encodeLeaseGrantResponse(result);
  });
  registrar.unary(LEASE_METHODS.leaseRevoke, async (message) => {
    const result = await leases.revoke(decodeLeaseRevokeRequest(message));
    work.leasesRevoked += 1;
    return encodeHeaderOnly(result);
  });
  registrar.unary(LEASE_METHODS.leaseTimeToLive, async (message) => {
    return encodeLeaseTimeToLiveResponse(
      await leases.timeToLive(decodeLeaseTimeToLiveRequest(message)),
    );
  });
  registrar.unary(LEASE_METHODS.leaseLeases, async () => {
    return encodeLeaseListResponse(await leases.list());
  });
  registrar.bidi(LEASE_METHODS.leaseKeepAlive, (call) => {
    serveLeaseStream(parts, call, {
      requestsMax: LIMITS.leaseStreamRequests,
      answer: async (message) => encodeLeaseKeepAliveResponse(await keepAlive(parts, message)),
    });
  });
}

/** A lease that is gone is no failure: its answer says that nothing of its TTL is left. */
async function keepAlive(parts: ServiceParts, message: Uint8Array): Promise<LeaseKeepAliveResult> {
  const id = decodeLeaseKeepAliveRequest(message);
  const header = parts.kernel.header();
  try {
    const { ttlSeconds } = await parts.kernel.store.leases.keepAlive(id);
    parts.work.leasesRenewed += 1;
    return { header, id, ttlSeconds };
  } catch (error) {
    if (isStoreError(error, 'LeaseNotFound')) return { header, id, ttlSeconds: 0 };
    throw error;
  }
}
