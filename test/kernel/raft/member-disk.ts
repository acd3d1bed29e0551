/**
 * A member's disk for raft tests: what was persisted, and nothing else, comes back after a restart.
 * It keeps compacted entries too, so that checks can look at everything that ever was durable.
 */
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

export class MemberDisk {
  readonly #entries: Entry[] = [];
  #hardState: HardState = EMPTY_HARD_STATE;
  /** Written without a sync, so that a crash may take it back. */
  #unsynced: HardState | undefined;
  #mark: SnapshotMark;

  constructor(confState: ConfState) {
    this.#mark = { index: 0, term: 0, confState };
  }

  get mark(): SnapshotMark {
    return this.#mark;
  }

  get term(): number {
    return this.#hardState.term;
  }

  get vote(): bigint {
    return this.#hardState.vote;
  }

  get commit(): number {
    return this.#hardState.commit;
  }

  termAt(index: number): number | undefined {
    return index === 0 ? 0 : this.#entries[index - 1]?.term;
  }

  /** @param entryCount - How many of the entries get there before the power goes */
  persistTorn(ready: Ready, entryCount: number): void {
    for (const entry of ready.entries.slice(0, entryCount)) {
      this.#entries.length = entry.index - 1;
      this.#entries.push(entry);
    }
  }

  persist(ready: Ready): void {
    this.persistTorn(ready, ready.entries.length);
    if (ready.hardState !== undefined) this.#unsynced = ready.hardState;
    if (ready.mustSync) this.sync();
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
    this.#mark = { index, term, confState: this.#mark.confState };
    return this.#mark;
  }

  restore(applied: number): RestoredState {
    const entries = this.#entries.slice(this.#mark.index);
    const commit = Math.max(this.#hardState.commit, this.#mark.index);
    return { hardState: { ...this.#hardState, commit }, mark: this.#mark, entries, applied };
  }
}
