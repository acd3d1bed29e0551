// A correct store with everything that a history shows: the oracle of keys and values, leases by a
// clock that the test moves, and the time of each revision. It answers calls as data, so that a
// test can record them, and then spoil the record.
import type { Answer, Call, Outcome } from '../../../src/simulation/check/history.js';
import { type ResponseHeader, StoreError } from '../../../src/store/index.js';
import { ModelKv } from '../../../src/simulation/model/model-kv.js';

interface ServedLease {
  readonly ttlSeconds: number;
  deadlineMs: number;
}

export class ServedStore {
  readonly leases = new Map<bigint, ServedLease>();
  readonly kv = new ModelKv((id) => this.leases.has(id));
  readonly revisionsAtMs: number[] = [];
  term = 2;
  #nextLease = 1000n;

  /** Does a call at `nowMs`. */
  run(call: Call, nowMs: number): Outcome {
    this.expire(nowMs);
    try {
      return { kind: 'answered', answer: this.#answer(call, nowMs) };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return { kind: 'refused', code: error.code, compactRevision: error.compactRevision };
    } finally {
      this.#stamp(nowMs);
    }
  }

  /** Ends the leases whose time is over. */
  expire(nowMs: number): void {
    const due = [...this.leases].filter(([, lease]) => lease.deadlineMs <= nowMs);
    for (const [id, { deadlineMs }] of due.toSorted(
      ([, a], [, b]) => a.deadlineMs - b.deadlineMs,
    )) {
      this.kv.deleteLeaseKeys(id);
      this.leases.delete(id);
      this.#stamp(deadlineMs);
    }
  }

  /** A read that a member answers from the state of an earlier revision. */
  runAt(call: Extract<Call, { kind: 'range' }>, revision: number): Outcome {
    const data = this.kv.range({ ...call.request, revision });
    const result = { header: { ...this.#header(), revision }, ...data };
    return { kind: 'answered', answer: { kind: 'range', result } };
  }

  #header(): ResponseHeader {
    return { clusterId: 7n, memberId: 11n, revision: this.kv.revision, raftTerm: this.term };
  }

  #stamp(nowMs: number): void {
    while (this.revisionsAtMs.length < this.kv.history.length) this.revisionsAtMs.push(nowMs);
  }

  #answer(call: Call, nowMs: number): Answer {
    switch (call.kind) {
      case 'range': {
        const data = this.kv.range(call.request);
        return { kind: 'range', result: { header: this.#header(), ...data } };
      }
      case 'put': {
        const prevKv = this.kv.put(call.request);
        const header = this.#header();
        const shows = call.request.prevKv === true && prevKv !== undefined;
        return { kind: 'put', result: shows ? { header, prevKv } : { header } };
      }
      case 'delete': {
        const data = this.kv.delete(call.request);
        return { kind: 'delete', result: { header: this.#header(), ...data } };
      }
      case 'txn': {
        const data = this.kv.txn(call.request);
        return { kind: 'txn', result: { header: this.#header(), ...data } };
      }
      case 'compact':
        this.kv.compact(call.request.revision);
        return { kind: 'compact', result: { header: this.#header() } };
      default:
        return this.#answerLease(call, nowMs);
    }
  }

  #answerLease(
    call: Exclude<Call, { kind: 'range' | 'put' | 'delete' | 'txn' | 'compact' }>,
    nowMs: number,
  ): Answer {
    switch (call.kind) {
      case 'leaseGrant': {
        const asked = call.request.id ?? 0n;
        const id = asked === 0n ? this.#nextLease++ : asked;
        if (this.leases.has(id)) throw new StoreError('LeaseExists');
        const { ttlSeconds } = call.request;
        this.leases.set(id, { ttlSeconds, deadlineMs: nowMs + ttlSeconds * 1000 });
        return { kind: 'leaseGrant', result: { header: this.#header(), id, ttlSeconds } };
      }
      case 'leaseRevoke':
        this.#lease(call.id);
        this.kv.deleteLeaseKeys(call.id);
        this.leases.delete(call.id);
        return { kind: 'leaseRevoke', result: { header: this.#header() } };
      case 'leaseKeepAlive': {
        const lease = this.#lease(call.id);
        lease.deadlineMs = nowMs + lease.ttlSeconds * 1000;
        const { ttlSeconds } = lease;
        return {
          kind: 'leaseKeepAlive',
          result: { header: this.#header(), id: call.id, ttlSeconds },
        };
      }
      case 'leaseTimeToLive': {
        const { id } = call.request;
        const lease = this.leases.get(id);
        const leftMs = (lease?.deadlineMs ?? 0) - nowMs;
        const remainingTtlSeconds = lease === undefined ? -1 : Math.floor(leftMs / 1000);
        const grantedTtlSeconds = lease?.ttlSeconds ?? 0;
        const header = this.#header();
        const result = { header, id, remainingTtlSeconds, grantedTtlSeconds, keys: [] };
        return { kind: 'leaseTimeToLive', result };
      }
      case 'leaseList':
        return {
          kind: 'leaseList',
          result: { header: this.#header(), ids: [...this.leases.keys()] },
        };
    }
  }

  #lease(id: bigint): ServedLease {
    const lease = this.leases.get(id);
    if (lease === undefined) throw new StoreError('LeaseNotFound');
    return lease;
  }
}
