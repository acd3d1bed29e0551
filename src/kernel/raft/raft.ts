/**
 * The Raft step machine of one member, as the world sees it. Ticks and messages go in, a `Ready`
 * comes out. It is pure: no promise, no clock, no disk and no network; chance is one function given
 * in the config. Between `ready` and `advance` inputs may go on arriving; what they cause is in the
 * next Ready.
 */
import type { RaftConfig, RestoredState } from './config.js';
import { Core } from './core.js';
import { becomeFollower, campaign, commitOwnDisk, forgetLeader, succeed } from './election.js';
import type { Message, SnapshotMessage } from './messages.js';
import { applyConfChange, leaveJointIfDue, proposeConfChange } from './membership.js';
import type { ProgressState } from './progress.js';
import { isSoleVoter } from './quorum.js';
import { broadcastAppend } from './replication.js';
import type { ProposeResult, ReadResult, Ready, SoftState } from './ready.js';
import { leaderRead } from './step-leader.js';
import { step } from './step.js';
import { tick } from './tick.js';
import { transferLeadership } from './transfer.js';
import {
  type ConfChange,
  type ConfState,
  type Entry,
  type HardState,
  NOBODY,
  type RaftRole,
  type SnapshotMark,
} from './types.js';

export type { RaftConfig, RestoredState } from './config.js';

/** What a leader knows of a peer. */
export interface PeerProgress {
  /** The peer's log is the leader's up to here, and on its disk. */
  readonly match: number;
  /** The first entry that the next append would carry; greater than `match`. */
  readonly next: number;
  readonly state: ProgressState;
  /** Whether the peer was heard since the quorum was last checked. */
  readonly recentlyActive: boolean;
}

const NO_ENTRIES: readonly Entry[] = [];

export class Raft {
  readonly #core: Core;
  #reportedHardState: HardState;
  #reportedSoftState: SoftState = { leader: NOBODY, role: 'follower' };
  /** The Ready that is out, until `advance`. */
  #outstanding: Ready | undefined;
  /**
   * A snapshot that came while a Ready was out waits for its end: what is in that Ready belongs to
   * the state that the snapshot replaces.
   */
  #deferred: SnapshotMessage | undefined;
  #lastContext = 0;

  /** @throws Error if what is restored does not fit together: such a member must not run */
  constructor(config: RaftConfig, restored: RestoredState) {
    this.#core = new Core(config, restored);
    this.#reportedHardState = restored.hardState;
  }

  get id(): bigint {
    return this.#core.id;
  }

  get term(): number {
    return this.#core.term;
  }

  /** Whom this member voted for in `term`; 0n for nobody. */
  get vote(): bigint {
    return this.#core.vote;
  }

  get role(): RaftRole {
    return this.#core.role;
  }

  /** Who leads `term`; 0n when unknown. */
  get leader(): bigint {
    return this.#core.leader;
  }

  get committed(): number {
    return this.#core.log.committed;
  }

  get applied(): number {
    return this.#core.log.applied;
  }

  /** Entries up to here are on this member's disk. */
  get persisted(): number {
    return this.#core.log.persisted;
  }

  get lastIndex(): number {
    return this.#core.log.lastIndex;
  }

  /** The first entry in memory; one behind the mark. */
  get firstIndex(): number {
    return this.#core.log.firstIndex;
  }

  /** The applied configuration. */
  get confState(): ConfState {
    return this.#core.confState;
  }

  get learners(): readonly bigint[] {
    return this.#core.confState.learners;
  }

  /** Whether this member may campaign: a voter, that is not taking over a snapshot. */
  get promotable(): boolean {
    return this.#core.promotable;
  }

  /** Whom this leader hands over to at the moment; 0n for nobody. */
  get transferee(): bigint {
    return this.#core.transferee;
  }

  /** The term of the entry at `index`; undefined if it is not in memory. */
  termAt(index: number): number | undefined {
    return this.#core.log.termAt(index);
  }

  /** The entry at `index`; undefined if it is not in memory. */
  entryAt(index: number): Entry | undefined {
    return this.#core.log.entryAt(index);
  }

  /** What a leader knows of a peer. Undefined in the other roles, and for who is no peer. */
  progressOf(peer: bigint): PeerProgress | undefined {
    return this.#core.progress.get(peer);
  }

  /** Time passes: one heartbeat interval or a part of it. */
  tick(): void {
    tick(this.#core);
  }

  /** Starts an election now. Does nothing on a leader and on whoever has no vote. */
  campaign(): void {
    campaign(this.#core);
  }

  /**
   * Whoever runs this member believes that the process of `leader` has ended. It may be wrong:
   * nothing but time is lost by that. If this member follows that leader, it forgets it until it
   * hears it again, and helps others to elect another one meanwhile: who asked for a pre-vote since
   * that leader was heard is answered now. At most once in a term.
   * @returns whether it forgot it; then {@link succeed} may be called, a little later
   */
  leaderGone(leader: bigint): boolean {
    const { unanswered } = this.#core;
    if (!forgetLeader(this.#core, leader)) return false;
    if (unanswered !== undefined) this.step(unanswered);
    return true;
  }

  /**
   * Starts an election, with pre-votes, if {@link leaderGone} made this member forget its leader
   * and it has neither heard one nor promised anybody a vote since. Otherwise does nothing, and
   * nothing on whoever has no vote.
   */
  succeed(): void {
    succeed(this.#core);
  }

  /** A message of a peer. Never throws on its content: what no honest peer could say is dropped. */
  step(message: Message): void {
    if (message.kind !== 'snapshot' || this.#outstanding === undefined) step(this.#core, message);
    else if (message.mark.index >= (this.#deferred?.mark.index ?? 0)) this.#deferred = message;
  }

  /**
   * Appends one entry per element to a leader's log, all or none. The very arrays come back in
   * `entries` and `committedEntries`.
   */
  propose(data: readonly Uint8Array[]): ProposeResult {
    const core = this.#core;
    if (core.role !== 'leader') {
      return { accepted: false, reason: core.leader === NOBODY ? 'no-leader' : 'not-leader' };
    }
    if (core.transferee !== NOBODY) return { accepted: false, reason: 'transferring' };
    let bytes = 0;
    for (const item of data) bytes += item.length;
    if (core.exceedsUncommitted(bytes)) return { accepted: false, reason: 'uncommitted-limit' };
    const firstIndex = core.log.lastIndex + 1;
    for (const [position, item] of data.entries()) {
      core.log.append({
        term: core.term,
        index: firstIndex + position,
        kind: 'normal',
        data: item,
      });
    }
    core.uncommittedBytes += bytes;
    if (data.length > 0) broadcastAppend(core);
    return { accepted: true, firstIndex };
  }

  /**
   * Appends one `config` entry to a leader's log. One change may be under way at a time, and none
   * before the leader has committed in its own term.
   * @param change - No steps leave a joint configuration
   * @param data - What members find in the entry; they call {@link applyConfChange} with the change
   *   that it means. Not empty, unless `change` has no steps: an empty `config` entry, which a
   *   leader also appends by itself to leave a `joint-auto` configuration, means the change without
   *   steps (`LEAVE_JOINT`)
   */
  proposeConfChange(change: ConfChange, data: Uint8Array): ProposeResult {
    return proposeConfChange(this.#core, change, data);
  }

  /**
   * A `config` entry of `committedEntries` takes effect; to be called for each, in order, before
   * the Ready that holds it is advanced. Adding who is there and removing who is not does nothing.
   * A leader that is no voter any more becomes a follower.
   * @returns the configuration from now on
   * @throws Error if the change is impossible: no leader proposes one
   */
  applyConfChange(change: ConfChange): ConfState {
    return applyConfChange(this.#core, change);
  }

  /**
   * A leader begins to hand over to a voter. Proposals are refused until the next term is heard,
   * or an election timeout has passed, or the voter is removed.
   * @returns false if this member does not lead, or `to` is no other voter
   */
  transferLeadership(to: bigint): boolean {
    return transferLeadership(this.#core, to);
  }

  /** A leader gives up leading, without an election in its place. Others do nothing. */
  stepDown(): void {
    if (this.#core.role === 'leader') becomeFollower(this.#core, this.#core.term, NOBODY);
  }

  /**
   * This member stood still for longer than an election timeout. A leader whose followers may have
   * another one by now steps down; everyone else waits a whole timeout before it campaigns.
   */
  pauseNoticed(): void {
    const core = this.#core;
    if (core.role !== 'leader') core.electionElapsed = 0;
    else if (!isSoleVoter(core.confState, core.id)) this.stepDown();
  }

  /**
   * The image that a `snapshot` message asked for has reached `to`, or the attempt is over. To be
   * called once for each such message, or the peer gets nothing more from this leader.
   */
  snapshotReported(to: bigint, ok: boolean): void {
    this.#core.progress.get(to)?.snapshotEnded(ok);
  }

  /**
   * Asks for the index that a linearizable read must wait for; the answer comes in
   * `Ready.readStates`, or never if a message or the leader is lost: then ask again, with a new
   * context. All that is asked between two Readys shares one round of heartbeats.
   * @param context - At most 2^52. Must grow with every accepted call, over restarts too (start
   *   from a clock, or far apart): a late answer must not be taken for one to a later question.
   * @throws Error if `context` does not grow
   */
  requestRead(context: number): ReadResult {
    if (context <= this.#lastContext) throw new Error(`read context ${context} was used before`);
    const result = this.#read(context);
    if (result.accepted) this.#lastContext = context;
    return result;
  }

  #read(context: number): ReadResult {
    const core = this.#core;
    if (core.role === 'leader') return leaderRead(core, core.id, context);
    if (core.leader === NOBODY) return { accepted: false, reason: 'no-leader' };
    const { id, leader, term } = core;
    core.send({ kind: 'readIndex', from: id, to: leader, term, context });
    return { accepted: true };
  }

  /**
   * The index that a linearizable read must wait for, at once and without a round, if this member
   * is the only voter, leads, and has committed in its term; otherwise undefined.
   */
  immediateReadIndex(): number | undefined {
    const core = this.#core;
    const alone = core.role === 'leader' && isSoleVoter(core.confState, core.id);
    return alone && core.hasCommittedInTerm ? core.log.committed : undefined;
  }

  /** Whether `ready` has anything to say. False while a Ready is out. */
  hasReady(): boolean {
    const core = this.#core;
    if (this.#outstanding !== undefined) return false;
    return (
      core.log.hasUnpersisted ||
      core.log.applied < core.log.applicable ||
      core.hasOutput ||
      core.snapshot !== undefined ||
      this.#hardStateChanged() ||
      this.#softStateChanged()
    );
  }

  #hardStateChanged(): boolean {
    return this.#voteChanged() || this.#reportedHardState.commit !== this.#core.log.committed;
  }

  #voteChanged(): boolean {
    const { term, vote } = this.#reportedHardState;
    return this.#core.term !== term || this.#core.vote !== vote;
  }

  #softStateChanged(): boolean {
    const { leader, role } = this.#reportedSoftState;
    return this.#core.leader !== leader || this.#core.role !== role;
  }

  /**
   * Everything to do since the last one. Nothing in it may be left undone, but for the end of
   * `committedEntries`: see {@link advance}.
   * @throws Error if the last Ready was not followed by `advance`
   */
  ready(): Ready {
    if (this.#outstanding !== undefined) throw new Error('the last Ready was not advanced');
    const core = this.#core;
    const { log } = core;
    const voteChanged = this.#voteChanged();
    const hardState = this.#hardStateChanged() ? core.hardState : undefined;
    const softState = this.#softStateChanged()
      ? { leader: core.leader, role: core.role }
      : undefined;
    const entries = log.hasUnpersisted ? log.handOut() : NO_ENTRIES;
    const committedEntries =
      log.applied < log.applicable
        ? log.slice(log.applied + 1, log.applicable, core.config.maxMessageBytes)
        : NO_ENTRIES;
    const { unbound, bound, readStates } = core.takeOutput();
    const { snapshot } = core;
    core.snapshot = undefined;
    if (hardState !== undefined) this.#reportedHardState = hardState;
    if (softState !== undefined) this.#reportedSoftState = softState;
    this.#outstanding = {
      snapshot,
      hardState,
      entries,
      mustSync: entries.length > 0 || voteChanged || snapshot !== undefined,
      // In a new term nothing leaves early: a leader that forgot its term could lead it twice.
      messagesBeforePersist: voteChanged ? [] : unbound,
      messages: voteChanged ? [...unbound, ...bound] : bound,
      committedEntries,
      readStates,
      softState,
    };
    return this.#outstanding;
  }

  /**
   * All of the last Ready is done: persisted, sent, applied.
   * @param appliedIndex - The last of its `committedEntries` that was applied, if the rest is to
   *   come again in the next Ready
   * @throws Error if no Ready is out, or that entry was not in it
   */
  advance(appliedIndex?: number): void {
    const done = this.#outstanding;
    if (done === undefined) throw new Error('there is no Ready to advance');
    const last = done.committedEntries.at(-1)?.index;
    if (appliedIndex !== undefined && !(appliedIndex <= (last ?? 0))) {
      throw new Error(`entry ${appliedIndex} is not in the Ready, which ends with ${last}`);
    }
    this.#outstanding = undefined;
    const core = this.#core;
    const { log } = core;
    if (last !== undefined) log.appliedTo(appliedIndex ?? last);
    if (done.snapshot !== undefined) core.installing = false;
    log.persistedHandedOut();
    commitOwnDisk(core);
    leaveJointIfDue(core);
    const deferred = this.#deferred;
    this.#deferred = undefined;
    if (deferred !== undefined) step(core, deferred);
  }

  /**
   * Entries up to the mark may be forgotten in memory: the backend holds the state up to there
   * durably. A mark behind the present one is ignored.
   * @throws Error if the mark is not applied yet or its term is not the log's
   */
  compactLog(mark: SnapshotMark): void {
    this.#core.log.compact(mark);
  }
}
