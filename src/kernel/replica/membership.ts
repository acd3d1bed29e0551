/**
 * Who takes part: the changes that this member proposes while it leads, and what every member does
 * when one is applied. A change goes into one entry with what it means for the table of members;
 * it is checked before it is proposed, for the caller's sake, and again when it is applied, where
 * every member decides alike. It never waits inside a step.
 */
import { StoreError } from '../../store/index.js';
import type { Members } from '../apply/members.js';
import {
  type ChangeOrigin,
  type MemberChange,
  readMembership,
  writeMembership,
} from '../codec/conf-change-codec.js';
import { LEAVE_JOINT } from '../raft/conf-change.js';
import type { Raft } from '../raft/raft.js';
import type { ConfChange, ConfChangeStep, ConfState, Entry } from '../raft/types.js';
import { checkReconfiguration, type ReconfigurationRules } from './reconfiguration.js';

export interface MembershipOptions {
  readonly memberId: bigint;
  readonly startNonce: bigint;
  readonly raft: Raft;
  readonly members: Members;
  readonly rules: ReconfigurationRules;
  /** Whether a new voter joins by way of a configuration that needs both majorities. */
  readonly joinsJointly: boolean;
  /** Whether a member was heard lately. */
  readonly isConnected: (id: bigint) => boolean;
  readonly wake: () => void;
}

/** A change that this member asked for, in the log of one term at most. */
interface Waiter {
  readonly term: number;
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
}

export class Membership {
  readonly #options: MembershipOptions;
  /** By the sequence of the change. */
  readonly #waiters = new Map<number, Waiter>();
  #sequenceLast = 0;
  #closed: StoreError | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** The name of another change of this member. */
  nextOrigin(): ChangeOrigin {
    const { memberId, startNonce } = this.#options;
    return { memberId, startNonce, sequence: ++this.#sequenceLast };
  }

  /**
   * Resolves when the change is applied here, if it went into the log of `term`.
   * @throws StoreError what it was refused with when it was applied; `LeaderChanged` when it will
   * never be; `Timeout` when nobody can say any more
   */
  outcomeOf(origin: ChangeOrigin, term: number): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      this.#waiters.set(origin.sequence, { term, resolve, reject });
    });
  }

  /** Nobody waits for the change any more. */
  forget(origin: ChangeOrigin): void {
    this.#waiters.delete(origin.sequence);
  }

  /**
   * Whether this member may propose the change, as the leader of `term`.
   * @throws StoreError what etcd refuses such a change with; `NotLeader`
   */
  check(change: MemberChange, term: number): void {
    const { raft, members, rules, isConnected } = this.#options;
    if (raft.role !== 'leader' || raft.term !== term) throw new StoreError('NotLeader');
    checkReconfiguration({ raft, members, isConnected }, rules, change);
  }

  /**
   * Puts a change into the log of `term`, on the leader of that term.
   * @throws StoreError as {@link check}, and `TooManyRequests` when another change is under way,
   * which is soon over. Nothing was done then
   */
  propose(change: MemberChange, origin: ChangeOrigin, term: number): void {
    const { raft, joinsJointly, wake } = this.#options;
    this.check(change, term);
    const step = stepOf(change);
    const isJoint = joinsJointly && step.kind === 'addVoter';
    const transition = isJoint ? 'joint-auto' : 'simple';
    const confChange: ConfChange = { steps: [step], transition };
    const data = writeMembership({ change: confChange, members: change, origin });
    const result = raft.proposeConfChange(confChange, data);
    if (!result.accepted) throw refusal(result.reason);
    wake();
  }

  /**
   * A `config` entry is applied: table and configuration change together, or not at all.
   * @returns the configuration from now on
   * @throws CodecError for what no member proposes
   */
  apply(entry: Entry): ConfState {
    const { raft, members } = this.#options;
    const membership = readMembership(entry.data);
    if (membership === undefined) return raft.applyConfChange(LEAVE_JOINT);
    try {
      members.change(membership.members);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#take(membership.origin)?.reject(error);
      return raft.confState;
    }
    if (membership.members.kind === 'keepOnly') this.#keepOnly(membership.members.id);
    else raft.applyConfChange(membership.change);
    this.#take(membership.origin)?.resolve();
    return raft.confState;
  }

  #take(origin: ChangeOrigin): Waiter | undefined {
    const { memberId, startNonce } = this.#options;
    if (origin.memberId !== memberId || origin.startNonce !== startNonce) return undefined;
    const waiter = this.#waiters.get(origin.sequence);
    this.#waiters.delete(origin.sequence);
    return waiter;
  }

  #keepOnly(id: bigint): void {
    const { raft } = this.#options;
    const change = (kind: ConfChangeStep['kind'], of: bigint): void => {
      raft.applyConfChange({ steps: [{ kind, id: of }], transition: 'simple' });
    };
    if (raft.confState.votersOutgoing.length > 0) raft.applyConfChange(LEAVE_JOINT);
    if (!raft.confState.voters.includes(id)) change('addVoter', id);
    const { voters, learners } = raft.confState;
    for (const other of [...voters, ...learners]) if (other !== id) change('remove', other);
  }

  /** An entry of `term` is applied: what went into the log of an earlier one never will be. */
  termReached(term: number): void {
    for (const [sequence, waiter] of this.#waiters) {
      if (waiter.term >= term) continue;
      this.#waiters.delete(sequence);
      waiter.reject(new StoreError('LeaderChanged'));
    }
  }

  /** A state was installed in place of entries: what became of changes in them is unknown. */
  skipped(): void {
    this.#rejectAll(new StoreError('Timeout'));
  }

  close(error: StoreError): void {
    this.#closed ??= error;
    this.#rejectAll(error);
  }

  #rejectAll(error: StoreError): void {
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const { reject } of waiters) reject(error);
  }
}

function stepOf(change: MemberChange): ConfChangeStep {
  switch (change.kind) {
    case 'add':
      return { kind: change.member.isLearner ? 'addLearner' : 'addVoter', id: change.member.id };
    case 'remove':
      return { kind: 'remove', id: change.id };
    case 'promote':
    case 'keepOnly':
      return { kind: 'addVoter', id: change.id };
  }
}

type Refusal = Extract<ReturnType<Raft['proposeConfChange']>, { accepted: false }>['reason'];

function refusal(reason: Refusal): StoreError {
  switch (reason) {
    case 'no-leader':
    case 'not-leader':
      return new StoreError('NotLeader');
    case 'bad-conf-change':
      // Only the last voter could not be removed by the table's rules alone.
      return new StoreError('NotEnoughStarted');
    case 'not-ready':
    case 'transferring':
    case 'conf-change-pending':
    case 'uncommitted-limit':
      return new StoreError('TooManyRequests');
  }
}
