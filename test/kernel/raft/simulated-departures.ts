/** When a simulated cluster can do without a member, so that it must come through its loss. */
import { isMember } from '../../../src/kernel/raft/conf-change.js';
import { membersOf } from '../../../src/kernel/raft/quorum.js';
import type { Raft } from '../../../src/kernel/raft/raft.js';
import type { ConfState } from '../../../src/kernel/raft/types.js';
import type { SimulatedMember } from './simulated-member.js';

type Members = ReadonlyMap<bigint, SimulatedMember>;

/**
 * Whether the disk of `id` may be lost for good: a voter or learner among at least three voters,
 * nobody else lost, and no change under way that would take away another.
 * @param newest - The newest configuration in force anywhere
 */
export function canLoseDisk(members: Members, newest: ConfState, id: bigint): boolean {
  if (newest.voters.length < 3 || newest.votersOutgoing.length > 0) return false;
  if (!isMember(newest, id)) return false;
  for (const [each, { raft, lost }] of members) {
    if (lost || raft === undefined) return false;
    if (isMember(newest, each) && changesUnderWay(raft, newest)) return false;
  }
  return true;
}

/**
 * A member that was removed and that nobody will ever hear of again: all who remain know that it
 * was, and no log holds a change that would bring it in. (A member that is about to be added is in
 * nobody's configuration either.)
 */
export function findRetired(members: Members, newest: ConfState): bigint | undefined {
  for (const { raft, lost } of members.values()) {
    if (!lost && (raft === undefined || hasChanges(raft))) return undefined;
  }
  const remain = membersOf(newest).map((id) => members.get(id));
  for (const id of members.keys()) {
    const known = remain.every((member) => {
      const conf = member?.raft?.confState;
      return member?.lost === true || (conf !== undefined && knowsWithout(conf, id));
    });
    if (known && !isMember(newest, id)) return id;
  }
  return undefined;
}

function knowsWithout(conf: ConfState, id: bigint): boolean {
  return conf.voters.length > 0 && !isMember(conf, id);
}

function hasChanges(raft: Raft): boolean {
  for (let index = raft.applied + 1; index <= raft.lastIndex; index++) {
    if (raft.entryAt(index)?.kind === 'config') return true;
  }
  return false;
}

/** Whether `raft` knows another configuration, or may come to. */
function changesUnderWay(raft: Raft, confState: ConfState): boolean {
  const same = raft.confState.voters.join() === confState.voters.join();
  return !same || raft.confState.votersOutgoing.length > 0 || hasChanges(raft);
}
