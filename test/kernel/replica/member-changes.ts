// What tests of changes of the members share: clusters that have settled, and members to be.
import assert from 'node:assert/strict';
import type { MemberRecord } from '../../../src/kernel/index.js';
import { ClusterLite, type LiteMember } from '../../support/sim-cluster-lite.js';

/** A member to be, somewhere. */
export function record(id: bigint, rest: Partial<MemberRecord> = {}): MemberRecord {
  return {
    id,
    name: '',
    peerUrls: [`http://new${id}:2380`],
    clientUrls: [],
    isLearner: false,
    ...rest,
  };
}

/** A cluster whose members all know each other. */
export async function started(
  options: ConstructorParameters<typeof ClusterLite>[0],
): Promise<ClusterLite> {
  const cluster = await new ClusterLite(options).startAll();
  await cluster.elect();
  await cluster.advance(1000);
  return cluster;
}

/** A member that does not lead. */
export function follower(cluster: ClusterLite): LiteMember {
  const found = cluster.running.find(({ id }) => id !== cluster.leader?.id);
  assert.ok(found !== undefined);
  return found;
}

/** Who the members are, as `id` knows it once it knows everything. */
export async function idsAt(cluster: ClusterLite, id: bigint): Promise<readonly bigint[]> {
  const members = await cluster.run(cluster.kernel(id).members(true));
  return members.map((member) => member.id);
}
