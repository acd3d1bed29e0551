import { createHash } from 'node:crypto';

/**
 * The ids that etcd gives a member and its cluster at bootstrap: functions of the peer addresses
 * and the cluster token alone, so that every member computes the same ones, and so that replacing
 * an etcd by this server under the same flags keeps the ids.
 */
export function memberIdOf(peerUrls: readonly string[], clusterToken: string): bigint {
  return firstEightBytes([...peerUrls].sort().join('') + clusterToken);
}

/**
 * The id of a member that is added to a running cluster: etcd takes the second in the place of the
 * token, so that one that was removed and is added again becomes another member.
 */
export function addedMemberIdOf(peerUrls: readonly string[], unixSeconds: number): bigint {
  return memberIdOf(peerUrls, String(Math.floor(unixSeconds)));
}

/** The id of a cluster that starts with these members. */
export function clusterIdOf(memberIds: readonly bigint[]): bigint {
  const sorted = [...memberIds].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const bytes = Buffer.alloc(8 * sorted.length);
  sorted.forEach((id, index) => {
    bytes.writeBigUInt64BE(id, 8 * index);
  });
  return firstEightBytes(bytes);
}

function firstEightBytes(data: string | Buffer): bigint {
  return createHash('sha1').update(data).digest().readBigUInt64BE(0);
}
