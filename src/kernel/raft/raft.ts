/**
 * The Raft step machine of one member, as the world sees it. Ticks and messages go in, a `Ready`
 * comes out. It is pure: no promise, no clock, no disk and no network; chance is one function given
 * in the config. Between `ready` and `advance` inputs may go on arriving; what they cause is in the
 * next Ready.
 */
import type { RaftConfig, RestoredState } from './config.js';
import { Core } from './core.js';
import { campaign, commitOwnDisk } from './election.js';
import type { Message } from './messages.js';
import { isSoleVoter } from './quorum.js';
import { broadcastAppend } from './replication.js';
import type { ProposeResult, ReadResult, Ready, SoftState } from './ready.js';
import { leaderRead } from './step-leader.js';
import { step } from './step.js';
import { tick } from './tick.js';
import {
  type ConfState,
  type Entry,
  type HardState,
  NOBODY,
  type RaftRole,
  type SnapshotMark,
} from './types.js';

export type { RaftConfig, RestoredState } from './config.js';

const NO_ENTRIES: readonly Entry[] = [];

export class Raft {
  readonly #core: Core;
  #reportedHardState: HardState;
  #reportedSoftState: SoftState = { leader: NOBODY, role: 'follower' };
  /** The Ready that is out, until `advance`. */
  #outstanding: Ready | undefined;
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

  get confState(): ConfState {
    return this.#core.confState;
  }

  /** The term of the entry at `index`; undefined if it is not in memory. */
  termAt(index: number): number | undefined {
    return this.#core.log.termAt(index);
  }

  /** The entry at `index`; undefined if it is not in memory. */
  entryAt(index: number): Entry | undefined {
    return this.#core.log.entryAt(index);
  }

  /** What a leader knows of a peer's log: 0 <= match < next. Undefined in the other roles. */
  progressOf(peer: bigint): { readonly match: number; readonly next: number } | undefined {
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

  /** A message of a peer. Never throws on its content: what no honest peer could say is dropped. */
  step(message: Message): void {
    step(this.#core, message);
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
    let bytes = 0;
    for (const item of data) bytes += item.length;
    // With nothing under way anything passes, or a large proposal could never be made.
    if (
      core.uncommittedBytes > 0 &&
      core.uncommittedBytes + bytes > core.config.maxUncommittedBytes
    ) {
      return { accepted: false, reason: 'uncommitted-limit' };
    }
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
   * Everything to do since the last one. Nothing in it may be left undone.
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
    if (hardState !== undefined) this.#reportedHardState = hardState;
    if (softState !== undefined) this.#reportedSoftState = softState;
    this.#outstanding = {
      hardState,
      entries,
      mustSync: entries.length > 0 || voteChanged,
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
   * @throws Error if no Ready is out
   */
  advance(): void {
    const done = this.#outstanding;
    if (done === undefined) throw new Error('there is no Ready to advance');
    this.#outstanding = undefined;
    const { log } = this.#core;
    const lastApplied = done.committedEntries.at(-1);
    if (lastApplied !== undefined) log.appliedTo(lastApplied.index);
    log.persistedHandedOut();
    commitOwnDisk(this.#core);
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
