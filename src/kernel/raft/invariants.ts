/**
 * What must hold of one member: of each of its states, and of each pair of successive states. Tests
 * and simulations check it after every input. It reads a machine and never changes one; the cost of
 * a check does not grow with the log, but for the part that is not committed.
 */
import { isSoundConfState } from './conf-change.js';
import { isVoter, membersOf } from './quorum.js';
import { type ConfState, type Entry, NOBODY, type RaftRole } from './types.js';

/** What a check looks at; a `Raft` is one. */
export interface MemberView {
  readonly id: bigint;
  readonly term: number;
  readonly vote: bigint;
  readonly role: RaftRole;
  readonly leader: bigint;
  readonly firstIndex: number;
  readonly applied: number;
  readonly committed: number;
  readonly persisted: number;
  readonly lastIndex: number;
  /** The applied configuration. */
  readonly confState: ConfState;
  /** Whom a leader hands over to; 0n for nobody. */
  readonly transferee: bigint;
  termAt(index: number): number | undefined;
  entryAt(index: number): Entry | undefined;
  progressOf(peer: bigint): { readonly match: number; readonly next: number } | undefined;
}

/** A state to compare the next one with. */
export interface MemberSnapshot {
  readonly id: bigint;
  readonly term: number;
  readonly vote: bigint;
  readonly role: RaftRole;
  readonly leader: bigint;
  readonly firstIndex: number;
  readonly applied: number;
  readonly committed: number;
  readonly committedTerm: number | undefined;
  readonly lastIndex: number;
  readonly lastTerm: number | undefined;
  readonly transferee: bigint;
}

/**
 * What of a member has to be remembered, to judge its next step by.
 *
 * @example
 * const remembered = new Map<bigint, MemberSnapshot>();
 * const stepped = (raft: MemberView) => remembered.set(raft.id, snapshotMember(raft));
 */
export function snapshotMember(raft: MemberView): MemberSnapshot {
  const { id, term, vote, role, leader, firstIndex, applied, committed, lastIndex } = raft;
  const { transferee } = raft;
  return {
    id,
    term,
    vote,
    role,
    leader,
    firstIndex,
    applied,
    committed,
    committedTerm: raft.termAt(committed),
    lastIndex,
    lastTerm: raft.termAt(lastIndex),
    transferee,
  };
}

/**
 * Looks at one member by itself.
 * @throws Error naming the first invariant that the state breaks
 *
 * @example
 * const stepped = (raft: MemberView): void => checkMember(raft); // as a `probe` is told
 */
export function checkMember(raft: MemberView): void {
  const { id, term, vote, role, leader, firstIndex, applied, committed, persisted } = raft;
  const { lastIndex } = raft;
  const holds = (condition: boolean, what: string): void => {
    if (!condition) throw new Error(`member ${id}, term ${term}, ${role}: ${what}`);
  };
  holds(firstIndex - 1 <= applied, `applied ${applied} lies before the log's ${firstIndex}`);
  holds(applied <= committed, `applied ${applied} is beyond committed ${committed}`);
  holds(applied <= persisted, `applied ${applied} is beyond persisted ${persisted}`);
  holds(committed <= lastIndex, `committed ${committed} is beyond the last entry ${lastIndex}`);
  holds(persisted <= lastIndex, `persisted ${persisted} is beyond the last entry ${lastIndex}`);
  let before = raft.termAt(committed) ?? 0;
  for (let index = committed + 1; index <= lastIndex; index++) {
    const entry = raft.entryAt(index);
    holds(entry?.index === index, `entry ${index} is missing or misplaced`);
    holds((entry?.term ?? -1) >= before, `the term of entry ${index} is older than before it`);
    before = entry?.term ?? 0;
  }
  holds(before <= term, `the log ends in term ${before}`);
  holds(isSoundConfState(raft.confState), 'the configuration is not sound');
  holds(role === 'follower' || isVoter(raft.confState, id), 'campaigns or leads without a vote');
  if (role === 'candidate' || role === 'pre-candidate') {
    for (let index = applied + 1; index <= committed; index++) {
      const changes = raft.entryAt(index)?.kind === 'config';
      holds(!changes, `campaigns with the change ${index} committed and not applied`);
    }
  }
  switch (role) {
    case 'leader':
      holds(leader === id && vote === id, `leads with vote ${vote} and leader ${leader}`);
      checkProgress(raft, holds);
      break;
    case 'candidate':
      holds(leader === NOBODY && vote === id, `campaigns with vote ${vote} and leader ${leader}`);
      break;
    case 'pre-candidate':
      holds(leader === NOBODY, `asks for pre-votes while ${leader} leads`);
      break;
    case 'follower':
      holds(leader !== id, 'follows itself');
      break;
  }
}

function checkProgress(raft: MemberView, holds: (condition: boolean, what: string) => void): void {
  const { confState, transferee } = raft;
  const handsOver = isVoter(confState, transferee) && transferee !== raft.id;
  holds(transferee === NOBODY || handsOver, `hands over to ${transferee}, no other voter`);
  for (const peer of membersOf(confState)) {
    if (peer === raft.id) continue;
    const progress = raft.progressOf(peer);
    holds(progress !== undefined, `does not follow peer ${peer}`);
    if (progress === undefined) continue;
    const { match, next } = progress;
    holds(0 <= match && match < next, `peer ${peer} has match ${match}, next ${next}`);
    holds(next <= raft.lastIndex + 1, `peer ${peer} has next ${next} of ${raft.lastIndex}`);
  }
}

/**
 * @param before - The same member's state before one input, without a restart in between
 * @throws Error naming the first invariant that the change breaks
 *
 * @example
 * let before: MemberSnapshot | undefined;
 * const stepped = (raft: MemberView): void => {
 *   if (before !== undefined) checkMemberStep(before, raft);
 *   before = snapshotMember(raft);
 * };
 */
export function checkMemberStep(before: MemberSnapshot, raft: MemberView): void {
  const holds = (condition: boolean, what: string): void => {
    if (!condition) throw new Error(`member ${before.id}, term ${before.term}: ${what}`);
  };
  holds(before.id === raft.id, `became member ${raft.id}`);
  holds(raft.term >= before.term, `the term went back to ${raft.term}`);
  holds(raft.committed >= before.committed, `committed went back to ${raft.committed}`);
  holds(raft.applied >= before.applied, `applied went back to ${raft.applied}`);
  holds(raft.firstIndex >= before.firstIndex, 'compacted entries came back');
  if (raft.role === 'pre-candidate' && before.role !== 'pre-candidate') {
    holds(raft.term === before.term, 'asking for pre-votes raised the term');
  }
  const kept = before.committed >= raft.firstIndex;
  const sameTerm = !kept || raft.termAt(before.committed) === before.committedTerm;
  holds(sameTerm, `committed entry ${before.committed} changed`);
  if (raft.term !== before.term) return;
  const voteKept = before.vote === NOBODY || raft.vote === before.vote;
  holds(voteKept, `the vote moved from ${before.vote} to ${raft.vote}`);
  const foreign = before.leader !== NOBODY && raft.leader !== NOBODY;
  holds(!foreign || raft.leader === before.leader, `a second leader, ${raft.leader}`);
  if (before.role !== 'leader') return;
  holds(raft.role === 'leader' || raft.role === 'follower', `a leader became ${raft.role}`);
  if (raft.role !== 'leader') return;
  holds(raft.lastIndex >= before.lastIndex, 'a leader shortened its log');
  const ownTerm = raft.committed === before.committed || raft.termAt(raft.committed) === raft.term;
  holds(ownTerm, `a leader committed ${raft.committed}, of an earlier term, by counting`);
  const lastKept =
    before.lastIndex < raft.firstIndex || raft.termAt(before.lastIndex) === before.lastTerm;
  holds(lastKept, 'a leader changed its log');
  const waits = before.transferee !== NOBODY && raft.transferee === before.transferee;
  holds(!waits || raft.lastIndex === before.lastIndex, 'took entries while it hands over');
  checkNewConfig(before, raft, holds);
}

/** One change of the configuration at a time, and none before a commit in the leader's term. */
function checkNewConfig(
  before: MemberSnapshot,
  raft: MemberView,
  holds: (condition: boolean, what: string) => void,
): void {
  const isConfig = (index: number): boolean => raft.entryAt(index)?.kind === 'config';
  for (let index = before.lastIndex + 1; index <= raft.lastIndex; index++) {
    if (!isConfig(index)) continue;
    const ownTerm = raft.termAt(raft.committed) === raft.term;
    holds(ownTerm, `proposed the change ${index} before a commit in its term`);
    for (let earlier = raft.applied + 1; earlier < index; earlier++) {
      holds(!isConfig(earlier), `proposed the change ${index} while ${earlier} is under way`);
    }
  }
}
