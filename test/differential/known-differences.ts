// Where we answer otherwise than the etcd that the differential test runs (Debian's 3.4), on
// purpose: because a later etcd does what we do, or because etcd's answer is an accident that
// nobody can rely on. Each entry says why, and matches nothing but that.
//
// Three things are not even sent, because after them there is nothing left to compare: an undefined
// sort target, and a put in a transaction that keeps the value or lease of a key which an
// open-ended delete before it took away, end the process of etcd 3.4; an undefined sort order or
// comparison in a transaction that writes is run by etcd and refused by us, so that the two stores
// would part.
import { isDeepStrictEqual } from 'node:util';
import type { RangeRequest, TxnRequest } from '../../src/wire/gen/etcdserverpb/kv_pb.js';
import type { HashKVRequest } from '../../src/wire/gen/etcdserverpb/maintenance_pb.js';
import type { PlainFields } from './plain.js';
import type { Step } from './step-maker.js';

export interface KnownDifference {
  readonly name: string;
  readonly reason: string;
  /**
   * Whether this pair of unequal answers is explained.
   * @param before what etcd answered to the step before
   */
  matches(
    step: Step,
    ours: PlainFields,
    etcd: PlainFields,
    before: PlainFields | undefined,
  ): boolean;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    name: 'undefined sort option',
    reason: 'etcd 3.4 takes any number for a sort order; later ones refuse it.',
    matches: (step, ours) => {
      if (step.method !== 'range' || ours['details'] !== 'etcdserver: invalid sort option') {
        return false;
      }
      return (step.request as RangeRequest).sortOrder > 2;
    },
  },
  {
    name: 'hash revision',
    reason: 'HashKVResponse.hash_revision is new in etcd 3.6; older servers leave it out.',
    matches: (step, ours, etcd) =>
      step.method === 'hashKv' &&
      etcd['hashRevision'] === '0' &&
      equalWith(ours, { ...etcd, hashRevision: ours['hashRevision'] }),
  },
  {
    name: 'hash at the compacted revision',
    reason: 'etcd 3.4 refuses to hash at the very revision of the last compaction; 3.6 does it.',
    matches: (step, ours, etcd) =>
      step.method === 'hashKv' &&
      ours['compactRevision'] === String((step.request as HashKVRequest).revision) &&
      etcd['details'] === 'etcdserver: mvcc: required revision has been compacted',
  },
  {
    name: 'hash of a store without keys',
    reason:
      'When no key exists at the hashed revision, etcd hashes whatever rows compaction has left, ' +
      'which depends on its version and on how far compaction is; we leave out what is compacted.',
    matches: (step, ours, etcd, before) =>
      step.method === 'hashKv' &&
      before?.['count'] === '0' &&
      equalWith(ours, { ...etcd, hash: ours['hash'], hashRevision: ours['hashRevision'] }),
  },
  {
    name: 'undefined comparison',
    reason:
      'etcd lets a comparison of a kind that does not exist hold; it is a mistake, and we say so.',
    matches: (step, ours, etcd) => {
      const { details } = ours;
      if (step.method !== 'txn' || typeof details !== 'string') return false;
      if (!details.endsWith('do)')) return false;
      const { compare } = step.request as TxnRequest;
      return compare.some(({ result, target }) => result > 3 || target > 4) && !('code' in etcd);
    },
  },
];

function equalWith(ours: PlainFields, corrected: PlainFields): boolean {
  return isDeepStrictEqual(ours, corrected);
}
