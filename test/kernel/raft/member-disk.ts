/**
 * A member's disk for raft tests: what was persisted, and nothing else, comes back after a restart.
 * It keeps compacted entries too, so that checks can look at everything that ever was durable; only
 * a snapshot makes it forget. It also remembers which configuration was in force when.
 */
import type { DurableView } from '../../../src/kernel/raft/cluster-invariants.js';
import type { Ready } from '../../../src/kernel/raft/ready.js';
import type { RestoredState } from '../../../src/kernel/raft/config.js';
import {
  type ConfState,
  EMPTY_CONF_STATE,
  EMPTY_HARD_STATE,
  type Entry,
  type HardState,
  type SnapshotMark,
} from '../../../src/kernel/raft/types.js';

/** A configuration of plain voters, and learners if there are any. */
export function confStateOf(
  voters: readonly number[],
  learners: readonly number[] = [],
): ConfState {
  return { ...EMPTY_CONF_STATE, voters: voters.map(BigInt), learners: learners.map(BigInt) };
}

export class MemberDisk implements DurableView {
  /** Everything behind the last snapshot. */
  #entries: Entry[] = [];
  #snapshot: SnapshotMark;
  #hardState: HardState = EMPTY_HARD_STATE;
  /** Written without a sync, so that a crash may take it back. */
  #unsynced: HardState | undefined;
  #mark: SnapshotMark;
  /** From which applied index on each configuration is in force, oldest first. */
  #configs: { readonly from: number; readonly confState: ConfState }[];

  constructor(confState: ConfState) {
    this.#mark = { index: 0, term: 0, confState };
    this.#snapshot = this.#mark;
    this.#configs = [{ from: 0, confState }];
  }

  get mark(): SnapshotMark {
    return this.#mark;
  }

  get snapshotIndex(): number {
    return this.#snapshot.index;
  }

  get term(): number {
    return this.#hardState.term;
  }

  get vote(): bigint {
    return this.#hardState.vote;
  }

  termAt(index: number): number | undefined {
    if (index === this.#snapshot.index) return this.#snapshot.term;
    return this.#entries[index - this.#snapshot.index - 1]?.term;
  }

  /**
   * Entry `index` was applied and led to `confState`. As every member does, this one has made sure
   * before that it will know of the commit after any crash: those who were removed may be gone for
   * good, and nobody could do without them otherwise.
   */
  noteConf(index: number, confState: ConfState): void {
    this.sync();
    this.#configs = this.#configs.filter(({ from }) => from < index);
    this.#configs.push({ from: index, confState });
  }

  /** The configuration in force once `applied` is applied. */
  confAt(applied: number): ConfState {
    const found = this.#configs.findLast(({ from }) => from <= applied);
    if (found === undefined) throw new Error(`no configuration is known as of ${applied}`);
    return found.confState;
  }

  /** @param entryCount - How many of the entries get there before the power goes */
  persistTorn(ready: Ready, entryCount: number): void {
    for (const entry of ready.entries.slice(0, entryCount)) {
      this.#entries.length = entry.index - this.#snapshot.index - 1;
      this.#entries.push(entry);
    }
  }

  persist(ready: Ready): void {
    if (ready.snapshot !== undefined) this.install(ready.snapshot);
    this.persistTorn(ready, ready.entries.length);
    if (ready.hardState !== undefined) this.#unsynced = ready.hardState;
    if (ready.mustSync) this.sync();
  }

  /** The state and the log begin anew behind `mark`. */
  install(mark: SnapshotMark): void {
    this.#entries = [];
    this.#snapshot = mark;
    this.#mark = mark;
    this.#configs = [{ from: mark.index, confState: mark.confState }];
  }

  sync(): void {
    this.#hardState = this.#unsynced ?? this.#hardState;
    this.#unsynced = undefined;
  }

  losePower(): void {
    this.#unsynced = undefined;
  }

  /** The log up to `index` is no longer needed for a restart. */
  compact(index: number): SnapshotMark {
    const term = this.termAt(index);
    if (term === undefined) throw new Error(`entry ${index} is not on the disk`);
    this.#mark = { index, term, confState: this.confAt(index) };
    return this.#mark;
  }

  restore(applied: number): RestoredState {
    const entries = this.#entries.slice(this.#mark.index - this.#snapshot.index);
    const commit = Math.max(this.#hardState.commit, this.#mark.index);
    return {
      hardState: { ...this.#hardState, commit },
      mark: this.#mark,
      entries,
      applied,
      confState: this.confAt(applied),
    };
  }
}
