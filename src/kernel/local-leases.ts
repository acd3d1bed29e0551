import type { Random } from '../ports/random.js';
import { type CallOptions, LIMITS, type ResponseHeader, StoreError } from '../store/index.js';
import type {
  LeaseGrantRequest,
  LeaseGrantResult,
  LeaseKeepAliveResult,
  LeaseListResult,
  LeaseRevokeResult,
  Leases,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResult,
} from '../store/index.js';
import type { ApplyResult } from './apply/outcome.js';
import type { Command } from './codec/command.js';
import type { Replica } from './replica/replica.js';

export interface LocalLeasesOptions {
  readonly replica: Replica;
  readonly random: Random;
  readonly ttlMinSeconds: number;
  readonly header: (revision: number) => ResponseHeader;
  readonly submit: (command: Command, options?: CallOptions) => Promise<ApplyResult>;
}

/**
 * Leases as this member offers them. Granting and revoking go through the log; renewals and
 * questions about time go to the leader, which alone counts.
 */
export class LocalLeases implements Leases {
  readonly #options: LocalLeasesOptions;

  constructor(options: LocalLeasesOptions) {
    this.#options = options;
  }

  async grant(request: LeaseGrantRequest, options?: CallOptions): Promise<LeaseGrantResult> {
    const { submit, random, ttlMinSeconds, header } = this.#options;
    if (request.ttlSeconds > LIMITS.leaseTtlMaxSeconds) throw new StoreError('LeaseTtlTooLarge');
    if (Number.isNaN(request.ttlSeconds)) {
      throw new StoreError('InvalidArgument', 'ttlSeconds is not a number');
    }
    const ttlSeconds = Math.max(ttlMinSeconds, Math.ceil(request.ttlSeconds));
    const id = request.id ?? 0n;
    const command = {
      kind: 'leaseGrant',
      ttlSeconds,
      id: id === 0n ? random.int63() : id,
    } as const;
    const result = await submit(command, options);
    if (result.kind !== 'leaseGrant') throw new Error(`${result.kind} answers leaseGrant`);
    return { header: header(result.revision), id: result.id, ttlSeconds: result.ttlSeconds };
  }

  async keepAlive(id: bigint, options?: CallOptions): Promise<LeaseKeepAliveResult> {
    const { replica, header } = this.#options;
    const ttlSeconds = await replica.leases.renew(id, options);
    return { header: header(replica.state.mvcc.revision), id, ttlSeconds };
  }

  async revoke(id: bigint, options?: CallOptions): Promise<LeaseRevokeResult> {
    const result = await this.#options.submit({ kind: 'leaseRevoke', id }, options);
    return { header: this.#options.header(result.revision) };
  }

  async timeToLive(
    request: LeaseTimeToLiveRequest,
    options?: CallOptions,
  ): Promise<LeaseTimeToLiveResult> {
    const { replica, header } = this.#options;
    const { mvcc, lessor } = replica.state;
    const { id } = request;
    const lease = await replica.leases.timeToLive(id, options);
    let keys: readonly Uint8Array[] = [];
    if (lease !== undefined && request.keys === true) {
      // The leader tells the time only; which keys a lease has is in the own state too.
      const wait = replica.reads.ready(options);
      if (wait !== undefined) await wait;
      keys = lessor.keys(id);
    }
    const common = { header: header(mvcc.revision), id };
    if (lease === undefined || (request.keys === true && !lessor.has(id))) {
      return { ...common, remainingTtlSeconds: -1, grantedTtlSeconds: 0, keys: [] };
    }
    return {
      ...common,
      remainingTtlSeconds: Math.floor(lease.remainingMs / 1000),
      grantedTtlSeconds: lease.grantedTtlSeconds,
      keys,
    };
  }

  async list(options?: CallOptions): Promise<LeaseListResult> {
    const { replica, header } = this.#options;
    const wait = replica.reads.ready(options);
    if (wait !== undefined) await wait;
    return { header: header(replica.state.mvcc.revision), ids: replica.state.lessor.ids() };
  }
}
