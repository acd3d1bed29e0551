import type { Clock, Timer } from '../../ports/clock.js';
import type { Random } from '../../ports/random.js';
import {
  type LeaseGrantRequest,
  type LeaseTimeToLiveRequest,
  type LeaseTimeToLiveResult,
  LIMITS,
  type ResponseHeader,
  StoreError,
} from '../../store/index.js';
import { ModelKv } from './model-kv.js';

interface ModelLease {
  readonly ttlSeconds: number;
  deadlineMs: number;
  timer: Timer;
}

/** What a {@link ModelServer} takes its time and its chance from. */
export interface ModelServerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Smallest TTL that is granted, in seconds; default 2, as in etcd. */
  readonly minTtlSeconds?: number;
}

/**
 * The one server behind any number of model clients: keys and values, leases that expire by a
 * clock, and a list of those who want to hear of every commit. It has no faults; the way to it has.
 *
 * @example
 * const world = new ModelWorld();
 * const { kv } = world.server;
 * world.server.run(() => ({ pair: kv.put({ key: 'a', value: '1' }) }));
 */
export class ModelServer {
  readonly kv = new ModelKv((id) => this.#leases.has(id));
  readonly clock: Clock;
  readonly random: Random;
  readonly #minTtlSeconds: number;
  readonly #leases = new Map<bigint, ModelLease>();
  readonly #listeners = new Set<() => void>();

  constructor(options: ModelServerOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.#minTtlSeconds = options.minTtlSeconds ?? 2;
  }

  header(): ResponseHeader {
    return { clusterId: 7n, memberId: 11n, revision: this.kv.revision, raftTerm: 2 };
  }

  /** Calls `listener` after every change. Returns the way to stop it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs one command, tells the listeners if it changed anything, and adds the header. */
  run<T>(command: () => T): T & { readonly header: ResponseHeader } {
    const before = this.kv.revision;
    const result = command();
    if (this.kv.revision !== before) for (const listener of this.#listeners) listener();
    return { ...result, header: this.header() };
  }

  grant(request: LeaseGrantRequest): { id: bigint; ttlSeconds: number } {
    if (request.ttlSeconds > LIMITS.leaseTtlMaxSeconds) throw new StoreError('LeaseTtlTooLarge');
    const id = (request.id ?? 0n) === 0n ? this.random.int63() : (request.id ?? 0n);
    if (this.#leases.has(id)) throw new StoreError('LeaseExists');
    const ttlSeconds = Math.max(request.ttlSeconds, this.#minTtlSeconds);
    this.#start(id, ttlSeconds);
    return { id, ttlSeconds };
  }

  keepAlive(id: bigint): { id: bigint; ttlSeconds: number } {
    const lease = this.#lease(id);
    lease.timer.cancel();
    this.#start(id, lease.ttlSeconds);
    return { id, ttlSeconds: lease.ttlSeconds };
  }

  revoke(id: bigint): Record<never, never> {
    this.#lease(id).timer.cancel();
    this.kv.deleteLeaseKeys(id);
    this.#leases.delete(id);
    return {};
  }

  timeToLive({ id, keys }: LeaseTimeToLiveRequest): Omit<LeaseTimeToLiveResult, 'header'> {
    const lease = this.#leases.get(id);
    if (lease === undefined) {
      return { id, remainingTtlSeconds: -1, grantedTtlSeconds: 0, keys: [] };
    }
    return {
      id,
      remainingTtlSeconds: Math.floor((lease.deadlineMs - this.clock.monotonic()) / 1000),
      grantedTtlSeconds: lease.ttlSeconds,
      keys: keys === true ? this.kv.leaseKeys(id).map((kv) => kv.key) : [],
    };
  }

  get leaseIds(): readonly bigint[] {
    return [...this.#leases.keys()];
  }

  #lease(id: bigint): ModelLease {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw new StoreError('LeaseNotFound');
    return lease;
  }

  #start(id: bigint, ttlSeconds: number): void {
    const ttlMs = ttlSeconds * 1000;
    const timer = this.clock.timer(ttlMs, () => this.run(() => this.revoke(id)));
    this.#leases.set(id, { ttlSeconds, deadlineMs: this.clock.monotonic() + ttlMs, timer });
  }
}
