import {
  type CallOptions,
  compareBytes,
  type LeaseGrantRequest,
  type LeaseGrantResult,
  type LeaseKeepAliveResult,
  type LeaseListResult,
  type LeaseRevokeResult,
  type Leases,
  type LeaseTimeToLiveRequest,
  type LeaseTimeToLiveResult,
} from '../store/index.js';
import { LEASE_METHODS } from '../wire/stream-methods.js';
import type { LeaseMux } from './lease-mux.js';
import { READ, type UnaryCalls, WRITE } from './unary.js';

/** The leases of a server. */
export class RemoteLeases implements Leases {
  readonly #calls: UnaryCalls;
  readonly #mux: LeaseMux;

  constructor(calls: UnaryCalls, mux: LeaseMux) {
    this.#calls = calls;
    this.#mux = mux;
  }

  grant(request: LeaseGrantRequest, options?: CallOptions): Promise<LeaseGrantResult> {
    return this.#calls.call(LEASE_METHODS.leaseGrant, request, WRITE, options?.signal);
  }

  keepAlive(id: bigint, options?: CallOptions): Promise<LeaseKeepAliveResult> {
    return this.#mux.keepAlive(id, options?.signal);
  }

  revoke(id: bigint, options?: CallOptions): Promise<LeaseRevokeResult> {
    return this.#calls.call(LEASE_METHODS.leaseRevoke, id, WRITE, options?.signal);
  }

  async timeToLive(
    request: LeaseTimeToLiveRequest,
    options?: CallOptions,
  ): Promise<LeaseTimeToLiveResult> {
    const method = LEASE_METHODS.leaseTimeToLive;
    const terms = request.keys === true ? { ...READ, isLong: true } : READ;
    const result = await this.#calls.call(method, request, terms, options?.signal);
    // etcd lists the keys in no order.
    return { ...result, keys: [...result.keys].sort(compareBytes) };
  }

  list(options?: CallOptions): Promise<LeaseListResult> {
    return this.#calls.call(LEASE_METHODS.leaseLeases, undefined, READ, options?.signal);
  }
}
