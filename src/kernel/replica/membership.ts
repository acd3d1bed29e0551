/**
 * Who takes part: the changes that this member proposes while it leads, and what every member does
 * when one is applied. A change goes into one entry with what it means for the table of members;
 * it is checked before it is proposed, for the caller's sake, and again when it is applied, where
 * every member decides alike. It never waits inside a step.
 */
import { StoreError } from '../../store/index.js';
import type { Members } from '../apply/members.js';
import {
  LEAVE_JOINT,
  type MemberChange,
  readMembership,
  writeMembership,
} from '../codec/conf-change-codec.js';
import type { Raft } from '../raft/raft.js';
import type { ConfChange, ConfChangeStep, ConfState, Entry } from '../raft/types.js';
import { checkReconfiguration, type ReconfigurationRules } from './reconfiguration.js';

export interface MembershipOptions {
  readonly raft: Raft;
  readonly members: Members;
  readonly rules: ReconfigurationRules;
  /** Whether a member was heard lately. */
  readonly isConnected: (id: bigint) => boolean;
  readonly wake: () => void;
}

interface Waiter {
  readonly index: number;
  readonly term: number;
  readonly resolve: (index: number) => void;
  readonly reject: (error: StoreError) => void;
}

export class Membership {
  readonly #options: MembershipOptions;
  #waiters: Waiter[] = [];
  #closed: StoreError | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /**
   * Proposes a change, on the leader. Resolves with the index of its entry when that was applied
   * here.
   * @throws StoreError what etcd refuses such a change with; `NotLeader` and `LeaderChanged` when
   * nothing was done and another try makes sense; `TooManyRequests` when another change is under
   * way, which is soon over
   */
  propose(change: MemberChange): Promise<number> {
    const { raft, members, rules, isConnected, wake } = this.#options;
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (raft.role !== 'leader') return Promise.reject(new StoreError('NotLeader'));
    try {
      checkReconfiguration({ raft, members, isConnected }, rules, change);
    } catch (error) {
      return Promise.reject(error as StoreError);
    }
    const confChange: ConfChange = { steps: [stepOf(change)], transition: 'simple' };
    const data = writeMembership({ change: confChange, members: change });
    const { term } = raft;
    const result = raft.proposeConfChange(confChange, data);
    if (!result.accepted) return Promise.reject(refusal(result.reason));
    wake();
    const index = result.firstIndex;
    return new Promise((resolve, reject) => {
      this.#waiters.push({ index, term, resolve, reject });
    });
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
      this.#refuse(entry, error);
      return raft.confState;
    }
    if (membership.members.kind === 'keepOnly') this.#keepOnly(membership.members.id);
    else raft.applyConfChange(membership.change);
    return raft.confState;
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

  #refuse(entry: Entry, error: StoreError): void {
    const refused = this.#waiters.filter(({ index }) => index === entry.index);
    this.#waiters = this.#waiters.filter(({ index }) => index !== entry.index);
    for (const { term, reject } of refused) {
      reject(term === entry.term ? error : new StoreError('LeaderChanged'));
    }
  }

  /** Entries up to (index, term) are applied: tells who waited for one of them. */
  applied(index: number, term: number): void {
    if (this.#waiters.length === 0) return;
    const over = (waiter: Waiter): boolean => waiter.index <= index || waiter.term < term;
    const due = this.#waiters.filter(over);
    this.#waiters = this.#waiters.filter((waiter) => !over(waiter));
    for (const waiter of due) {
      if (waiter.index === index && waiter.term === term) waiter.resolve(index);
      else waiter.reject(new StoreError('LeaderChanged'));
    }
  }

  /** A state was installed in place of entries: what became of changes in them is unknown. */
  skipped(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(new StoreError('Timeout'));
  }

  close(error: StoreError): void {
    this.#closed ??= error;
    const waiters = this.#waiters;
    this.#waiters = [];
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
