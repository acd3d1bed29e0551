// Clusters whose members have leases: what tests of them share.
import assert from 'node:assert/strict';
import { decodeLeaseRow, type LeaseRow } from '../../../src/kernel/lease/lease-row.js';
import { LIMITS } from '../../../src/store/index.js';
import {
  ClusterLite,
  CLUSTER_SETTINGS,
  ELECTION_MS,
  type LiteMember,
} from '../../support/sim-cluster-lite.js';

export const CHECKPOINT_MS = 3000;
export const SETTINGS = { ...CLUSTER_SETTINGS, leaseCheckpointMs: CHECKPOINT_MS };
/** From the end of a lease's time to the end of its keys: a check, a round, an entry. */
export const SLACK_MS = LIMITS.leaseExpiryCheckMs + 300;
export const REQUEST_MS = LIMITS.requestBaseMs + 2 * ELECTION_MS;

export function followers(cluster: ClusterLite): readonly LiteMember[] {
  return cluster.running.filter(({ id }) => id !== cluster.leader?.id);
}

export function follower(cluster: ClusterLite): LiteMember {
  return followers(cluster)[0] as LiteMember;
}

export async function grant(
  cluster: ClusterLite,
  at: LiteMember,
  ttlSeconds: number,
): Promise<bigint> {
  return (await cluster.run(at.running.store.leases.grant({ ttlSeconds }))).id;
}

export async function remaining(cluster: ClusterLite, at: LiteMember, id: bigint): Promise<number> {
  return (await cluster.run(at.running.store.leases.timeToLive({ id }))).remainingTtlSeconds;
}

/** The leases that every member has stored, with everything that was applied. */
export async function rowsOfAll(cluster: ClusterLite): Promise<readonly LeaseRow[]> {
  await cluster.advance(500);
  const all = cluster.running.map(({ backend }) =>
    [...backend.range('lease', new Uint8Array(0), undefined, 0)].map(({ key, value }) =>
      decodeLeaseRow(key, value),
    ),
  );
  for (const one of all) assert.deepEqual(one, all[0]);
  return all[0] ?? [];
}

/** When the key was deleted, as one member sees it from now on. */
export function watchEnd(cluster: ClusterLite, member: LiteMember, key: string): { atMs?: number } {
  const seen: { atMs?: number } = {};
  member.running.store.watch({ key }).subscribe({
    next: ({ events }) => {
      if (events.some(({ type }) => type === 'delete')) seen.atMs ??= cluster.clock.monotonic();
    },
    error: () => undefined,
  });
  return seen;
}

export async function moveTo(cluster: ClusterLite, target: LiteMember): Promise<void> {
  await cluster.run(cluster.leader?.running.moveLeader(target.id) as Promise<void>);
  await cluster.elect();
}

export async function started(seed: number): Promise<ClusterLite> {
  const cluster = await new ClusterLite({ seed, settings: SETTINGS }).startAll();
  await cluster.elect();
  return cluster;
}
