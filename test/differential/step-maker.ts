// The random requests: a stream in which each kind of request and each of its corners turns up
// often, on few keys so that requests meet each other. It knows the store's revisions only from the
// answers that it is told of, and makes the same stream again from the same seed and answers.
import { create, type Message } from '@bufbuild/protobuf';
import type { SimRandom } from '../../src/simulation/sim-random.js';
import {
  CompactionRequestSchema,
  type DeleteRangeRequest,
  DeleteRangeRequestSchema,
  type PutRequest,
  PutRequestSchema,
  type RangeRequest,
  type RangeRequest_SortOrder,
  type RangeRequest_SortTarget,
  RangeRequestSchema,
} from '../../src/wire/gen/etcdserverpb/kv_pb.js';
import {
  LeaseGrantRequestSchema,
  LeaseKeepAliveRequestSchema,
  LeaseLeasesRequestSchema,
  LeaseRevokeRequestSchema,
  LeaseTimeToLiveRequestSchema,
} from '../../src/wire/gen/etcdserverpb/lease_pb.js';
import { HashKVRequestSchema } from '../../src/wire/gen/etcdserverpb/maintenance_pb.js';
import type { MethodName } from './raw-client.js';
import { randomBytes, randomKey, randomRangeEnd } from './random-keys.js';
import { makeTxn } from './txn-maker.js';

/** One request of the stream, the same for both servers. */
export interface Step {
  readonly method: MethodName;
  readonly request: Message;
  /**
   * For requests about a lease whose id each server picked: the how-manieth of those it is. The
   * request's own `ID` is to be replaced.
   */
  readonly pickedLease?: number;
}

/** What the maker knows of the store. */
export interface StoreView {
  revision: number;
  compactRevision: number;
}

const LEASE_COUNT = 6;

export class StepMaker {
  readonly view: StoreView = { revision: 1, compactRevision: 0 };
  readonly random: SimRandom;
  /** Follow-ups that must come next. */
  readonly #queue: Step[] = [];
  #pickedLeases = 0;

  constructor(random: SimRandom) {
    this.random = random;
  }

  next(): Step {
    const queued = this.#queue.shift();
    if (queued !== undefined) return queued;
    const roll = this.random.below(1000);
    if (roll < 280) return { method: 'put', request: this.put() };
    if (roll < 530) return { method: 'range', request: this.range() };
    if (roll < 600) return { method: 'deleteRange', request: this.deleteRange() };
    if (roll < 860) return { method: 'txn', request: makeTxn(this) };
    if (roll < 872) return this.#compact();
    if (roll < 885) return this.#hashKv();
    return this.#lease();
  }

  put(): PutRequest {
    const { random } = this;
    const request = create(PutRequestSchema, {
      key: randomKey(random),
      value: randomBytes(random),
      prevKv: this.chance(3),
      lease: this.chance(3) ? this.leaseId() : 0n,
      ignoreLease: this.chance(12),
      ignoreValue: this.chance(12),
    });
    if (request.ignoreValue && !this.chance(4)) request.value = new Uint8Array(0);
    if (request.ignoreLease && !this.chance(4)) request.lease = 0n;
    return request;
  }

  range(): RangeRequest {
    const { random } = this;
    const request = create(RangeRequestSchema, {
      key: randomKey(random),
      rangeEnd: randomRangeEnd(random),
      limit: this.chance(3) ? BigInt(random.below(8) - 1) : 0n,
      revision: this.chance(3) ? this.revision() : 0n,
      serializable: this.chance(4),
      keysOnly: this.chance(6),
      countOnly: this.chance(8),
    });
    if (this.chance(3)) {
      // Now and then one above those that are defined; such a target would end etcd 3.4's process.
      request.sortOrder = random.below(this.chance(8) ? 4 : 3) as RangeRequest_SortOrder;
      request.sortTarget = random.below(5) as RangeRequest_SortTarget;
    }
    if (this.chance(5)) request.minModRevision = this.revision();
    if (this.chance(5)) request.maxModRevision = this.revision();
    if (this.chance(8)) request.minCreateRevision = this.revision();
    if (this.chance(8)) request.maxCreateRevision = this.revision();
    return request;
  }

  deleteRange(): DeleteRangeRequest {
    return create(DeleteRangeRequestSchema, {
      key: randomKey(this.random),
      rangeEnd: this.chance(2) ? randomRangeEnd(this.random) : new Uint8Array(0),
      prevKv: this.chance(2),
    });
  }

  /**
   * A revision that may be compacted, past, current, a little in the future, or no revision at all.
   */
  revision(): bigint {
    const { random } = this;
    const { revision, compactRevision } = this.view;
    switch (random.below(12)) {
      case 0:
        return BigInt(compactRevision + random.below(3) - 1);
      case 1:
        return BigInt(revision + random.below(4) - 1);
      case 2:
        return BigInt(-1 - random.below(3));
      case 3:
        return BigInt(random.below(revision + 1));
      case 4:
        return this.chance(4) ? 2n ** 53n + 5n : BigInt(revision + 1000);
      default:
        return BigInt(compactRevision + random.below(revision - compactRevision + 1));
    }
  }

  /** One of a few ids, most of which are granted most of the time. */
  leaseId(): bigint {
    const pick = this.random.below(LEASE_COUNT);
    if (pick === 0) return 2n ** 63n - 25n;
    return BigInt(100 + pick);
  }

  /** True once in `n` times. */
  chance(n: number): boolean {
    return this.random.below(n) === 0;
  }

  #compact(): Step {
    const { revision, compactRevision } = this.view;
    // Mostly a little forward, so that history stays worth reading.
    const target = this.chance(4)
      ? this.revision()
      : BigInt(compactRevision + this.random.below(Math.max(1, (revision - compactRevision) >> 1)));
    const request = create(CompactionRequestSchema, { revision: target, physical: true });
    return { method: 'compact', request };
  }

  #hashKv(): Step {
    const revision = this.chance(2) ? 0n : this.revision();
    this.#queue.push({ method: 'hashKv', request: create(HashKVRequestSchema, { revision }) });
    // Whether there is a key at all explains a difference of hashes: see known-differences.ts.
    const all = Uint8Array.of(0);
    const request = create(RangeRequestSchema, {
      key: all,
      rangeEnd: all,
      revision,
      countOnly: true,
    });
    return { method: 'range', request };
  }

  #lease(): Step {
    const id = this.chance(10) ? BigInt(900 + this.random.below(5)) : this.leaseId();
    switch (this.random.below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.#grant();
      case 4:
        return { method: 'leaseRevoke', request: create(LeaseRevokeRequestSchema, { ID: id }) };
      case 5:
      case 6: {
        const keys = this.chance(2);
        const request = create(LeaseTimeToLiveRequestSchema, { ID: id, keys });
        return { method: 'leaseTimeToLive', request };
      }
      case 7:
        return { method: 'leaseLeases', request: create(LeaseLeasesRequestSchema) };
      default:
        return {
          method: 'leaseKeepAlive',
          request: create(LeaseKeepAliveRequestSchema, { ID: id }),
        };
    }
  }

  #grant(): Step {
    if (this.chance(5)) return this.#grantPicked();
    const ID = this.leaseId();
    if (this.chance(6)) {
      // Out of bounds. What is granted all the same must not expire in the middle of the run.
      const TTL =
        [9_000_000_001n, 9_000_000_000n, 2n ** 62n, -1n, 0n, 1n][this.random.below(6)] ?? 0n;
      const revoke = create(LeaseRevokeRequestSchema, { ID });
      if (TTL < 10n) this.#queue.push({ method: 'leaseRevoke', request: revoke });
      return { method: 'leaseGrant', request: create(LeaseGrantRequestSchema, { ID, TTL }) };
    }
    const TTL = BigInt(1000 + this.random.below(1000));
    return { method: 'leaseGrant', request: create(LeaseGrantRequestSchema, { ID, TTL }) };
  }

  /**
   * A lease whose id the servers pick. Keys are never attached to one: the id would be part of
   * answers and hashes, and differ.
   */
  #grantPicked(): Step {
    const pickedLease = this.#pickedLeases++;
    const look = create(LeaseTimeToLiveRequestSchema, { keys: true });
    const keep = create(LeaseKeepAliveRequestSchema);
    this.#queue.push({ method: 'leaseTimeToLive', request: look, pickedLease });
    this.#queue.push({ method: 'leaseKeepAlive', request: keep, pickedLease });
    if (this.chance(2)) {
      const revoke = create(LeaseRevokeRequestSchema);
      this.#queue.push({ method: 'leaseRevoke', request: revoke, pickedLease });
    }
    const request = create(LeaseGrantRequestSchema, { TTL: 3000n });
    return { method: 'leaseGrant', request, pickedLease };
  }
}
