/**
 * How a member changes its role, and how an election runs. Each `become…` leaves the core in a
 * consistent role; nobody else writes `role`, `leader`, `term` or, but for a granted vote, `vote`.
 */
import type { Core } from './core.js';
import { isVoter, voteResult } from './quorum.js';
import { advanceCommit, broadcastAppend } from './replication.js';
import { NOBODY } from './types.js';

const NO_DATA = new Uint8Array(0);

/** @param leader - Who leads `term`; 0n if that is not known */
export function becomeFollower(core: Core, term: number, leader: bigint): void {
  core.reset(term);
  core.role = 'follower';
  core.leader = leader;
}

/**
 * Starts an election, with a pre-vote first if so configured. A leader, and whoever has no vote,
 * does nothing; neither does one that knows of a committed change of the configuration and has not
 * applied it: it would count votes by a configuration that is gone.
 */
export function campaign(core: Core): void {
  if (!mayCampaign(core)) return;
  if (core.config.preVote) startPreVote(core);
  else startVote(core, false);
}

/**
 * A follower forgets its leader, whose process is said to have ended, so that it gives its word to
 * whoever asks, without waiting until its patience with that leader is over. It neither votes nor
 * campaigns by that, and follows the same leader again as soon as it hears it. Once in a term.
 * @returns whether there was anything to forget
 */
export function forgetLeader(core: Core, leader: bigint): boolean {
  if (core.role !== 'follower' || leader === NOBODY || core.leader !== leader) return false;
  if (core.orphanedTerm === core.term) return false;
  core.orphanedTerm = core.term;
  core.leader = NOBODY;
  core.unanswered = undefined;
  core.orphaned = true;
  return true;
}

/**
 * A campaign of who was told that its leader is gone, unless anything has happened since that makes
 * it needless or a hindrance. It asks for pre-votes first, whatever is configured: whoever hears
 * the leader refuses them, and no term is raised in vain.
 */
export function succeed(core: Core): void {
  if (core.orphaned && mayCampaign(core)) startPreVote(core);
}

/** The leader hands over: an election at once, that others allow although they hear a leader. */
export function campaignForced(core: Core): void {
  if (mayCampaign(core)) startVote(core, true);
}

function mayCampaign(core: Core): boolean {
  const { log } = core;
  if (core.role === 'leader' || !core.promotable) return false;
  return !log.hasConfigWithin(log.applied + 1, log.committed);
}

function startPreVote(core: Core): void {
  core.reset(core.term);
  core.role = 'pre-candidate';
  recordVote(core, core.id, true);
  if (core.role === 'pre-candidate') requestVotes(core, 'preVote', core.term + 1, false);
}

function startVote(core: Core, force: boolean): void {
  core.reset(core.term + 1);
  core.role = 'candidate';
  core.vote = core.id;
  // The own vote counts at once: no other can come before the requests have left, and they leave
  // after term and vote are on disk.
  recordVote(core, core.id, true);
  if (core.role === 'candidate') requestVotes(core, 'vote', core.term, force);
}

function requestVotes(core: Core, kind: 'vote' | 'preVote', term: number, force: boolean): void {
  const { lastIndex, lastTerm } = core.log;
  for (const to of core.peers) {
    // Learners are not asked; they would only cost messages.
    if (isVoter(core.confState, to)) {
      core.send({
        kind,
        from: core.id,
        to,
        term,
        lastIndex,
        lastTerm,
        force,
        ...commitKnown(core),
      });
    }
  }
}

/** What a vote message tells of the sender's commit index. */
export function commitKnown(core: Core): { readonly commit: number; readonly commitTerm: number } {
  const { log } = core;
  return { commit: log.committed, commitTerm: log.termAt(log.committed) ?? 0 };
}

/**
 * Somebody says that the entry (commit, commitTerm) is committed. If this log has it, then all
 * before it is the same as well, and committed. A candidate that so learns of a change of the
 * configuration gives up: it counted votes by the one before.
 */
export function learnCommit(core: Core, commit: number, commitTerm: number): void {
  const { log } = core;
  if (core.role === 'leader' || commit <= log.committed) return;
  if (log.termAt(commit) !== commitTerm) return;
  log.commitTo(commit);
  if (core.role !== 'follower' && log.hasConfigWithin(log.applied + 1, log.committed)) {
    becomeFollower(core, core.term, NOBODY);
  }
}

/** Counts an answer to the campaign; the first answer of a member stands. */
export function recordVote(core: Core, from: bigint, granted: boolean): void {
  if (!core.votes.has(from)) core.votes.set(from, granted);
  switch (voteResult(core.confState, (id) => core.votes.get(id))) {
    case 'won':
      if (core.role === 'pre-candidate') startVote(core, false);
      else becomeLeader(core);
      break;
    case 'lost':
      becomeFollower(core, core.term, NOBODY);
      break;
    case 'pending':
      break;
  }
}

function becomeLeader(core: Core): void {
  core.reset(core.term);
  core.role = 'leader';
  core.leader = core.id;
  for (const peer of core.peers) core.track(peer);
  const { log } = core;
  core.uncommittedBytes = log.bytesWithin(log.committed + 1, log.lastIndex);
  // Nothing of earlier terms can be committed without an entry of this one.
  log.append({ term: core.term, index: log.lastIndex + 1, kind: 'normal', data: NO_DATA });
  // Until this entry is applied, the log may hold a change that an earlier leader proposed.
  core.pendingConfIndex = log.lastIndex;
  broadcastAppend(core);
}

/** A leader's own disk caught up: it may have been the missing voice. */
export function commitOwnDisk(core: Core): void {
  if (core.role === 'leader' && advanceCommit(core)) broadcastAppend(core);
}
