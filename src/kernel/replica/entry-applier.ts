/**
 * Takes committed entries to the state machine, one by one and each once, and tells whoever waits
 * for them. It knows how far the state is; nothing else may say so.
 */
import type { Clock } from '../../ports/clock.js';
import type { Meter } from '../../ports/trace.js';
import type { Applier } from '../apply/applier.js';
import type { Members } from '../apply/members.js';
import { readEntryPayload } from '../codec/entry-payload.js';
import type { Mvcc } from '../mvcc/mvcc.js';
import type { Raft } from '../raft/raft.js';
import type { Entry } from '../raft/types.js';
import type { AppliedState } from './applied-row.js';
import type { Membership } from './membership.js';
import type { ReplicaProbe } from './probe.js';
import type { Proposals } from './proposals.js';

export interface EntryApplierOptions {
  readonly applier: Applier;
  readonly membership: Membership;
  readonly members: Members;
  readonly proposals: Proposals;
  readonly raft: Raft;
  readonly mvcc: Mvcc;
  readonly clock: Clock;
  readonly meter: Meter | undefined;
  readonly probe: ReplicaProbe | undefined;
  readonly applied: AppliedState;
  /** The members have changed. */
  readonly onMembers: () => void;
}

export class EntryApplier {
  readonly #options: EntryApplierOptions;
  #applied: AppliedState;

  constructor(options: EntryApplierOptions) {
    this.#options = options;
    this.#applied = options.applied;
  }

  /** How far the state is. */
  get applied(): AppliedState {
    return this.#applied;
  }

  /** @throws Error for what means that this member's state cannot be trusted any more */
  apply(entry: Entry): void {
    const { proposals, membership, probe, mvcc, members } = this.#options;
    const changesBefore = members.changeCount;
    if (entry.index <= this.#applied.index) return;
    if (entry.term !== this.#applied.term) {
      proposals.termReached(entry.term);
      membership.termReached(entry.term);
    }
    if (entry.kind === 'config') this.#applyConfig(entry);
    else this.#applyCommands(entry);
    if (members.changeCount !== changesBefore) this.#options.onMembers();
    probe?.applied(entry, mvcc.revision, mvcc.rollingHash);
  }

  #applyConfig(entry: Entry): void {
    const confState = this.#options.membership.apply(entry);
    this.#applied = { index: entry.index, term: entry.term, confState };
  }

  #applyCommands(entry: Entry): void {
    const { applier, proposals, clock, meter, raft } = this.#options;
    const startMs = clock.monotonic();
    const commands = readEntryPayload(entry.data);
    const outcomes = commands.map((command) => applier.apply(command, entry));
    this.#applied = { index: entry.index, term: entry.term, confState: raft.confState };
    proposals.settle(entry.data, outcomes);
    meter?.observe('applySeconds', (clock.monotonic() - startMs) / 1000);
    meter?.observe('entryProposalCount', commands.length);
  }

  /** A state was installed in place of everything. */
  installed(state: AppliedState): void {
    this.#applied = state;
    this.#options.proposals.skippedTo(state.term);
    this.#options.membership.skipped();
    this.#options.onMembers();
  }
}
