import type { MemberRecord } from '../kernel/index.js';
import { memberIdOf } from './config/cluster-ids.js';
import type { ClusterConfig } from './config/initial-cluster.js';

/**
 * The first members of a new cluster as its flags name them: the same on every member, byte for
 * byte, because all logs begin there.
 */
export function firstMembers({ initialMembers, token }: ClusterConfig): readonly MemberRecord[] {
  return initialMembers
    .map(({ name, peerUrls }) => {
      const id = memberIdOf(peerUrls, token);
      return { id, name, peerUrls: peerUrls.toSorted(), clientUrls: [], isLearner: false };
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
