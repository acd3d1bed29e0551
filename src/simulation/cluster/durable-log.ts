import type { Entry, HardState, MemberView, SnapshotMark } from '../../kernel/index.js';

/**
 * What one member would find in its log if it lost power now, as far as its writes tell: terms of
 * entries, term and vote. What was written and not synced does not count. It keeps terms that the
 * member itself has forgotten, because they were durable once.
 */
export class DurableLog {
  #term = 0;
  #vote = 0n;
  /** The term of each entry by its index; 0 where it is not known. */
  #terms: number[] = [0];
  #written: { readonly entries: readonly Entry[]; readonly hardState: HardState | undefined }[] =
    [];
  #isFresh = true;
  #snapshotIndex = 0;

  get term(): number {
    return this.#term;
  }

  get vote(): bigint {
    return this.#vote;
  }

  /** Everything up to here is held as state, not as entries. */
  get snapshotIndex(): number {
    return this.#snapshotIndex;
  }

  get lastIndex(): number {
    return this.#terms.length - 1;
  }

  termAt(index: number): number | undefined {
    return index === 0 ? 0 : this.#terms[index] || undefined;
  }

  persisted(entries: readonly Entry[], hardState: HardState | undefined, synced: boolean): void {
    this.#written.push({ entries, hardState });
    if (!synced) return;
    for (const write of this.#written) this.#take(write.entries, write.hardState);
    this.#written = [];
  }

  #take(entries: readonly Entry[], hardState: HardState | undefined): void {
    const first = entries[0];
    if (first !== undefined) {
      while (this.#terms.length < first.index) this.#terms.push(0);
      this.#terms.length = first.index;
      for (const entry of entries) this.#terms.push(entry.term);
    }
    if (hardState === undefined) return;
    this.#term = hardState.term;
    this.#vote = hardState.vote;
  }

  /** A state took the place of the log up to the mark. */
  installed(mark: SnapshotMark): void {
    while (this.#terms.length < mark.index) this.#terms.push(0);
    this.#terms.length = mark.index;
    this.#terms.push(mark.term);
    this.#written = [];
    this.#snapshotIndex = mark.index;
  }

  /** The member restarts: what it finds is what it has, and its first words tell what that is. */
  restarted(): void {
    this.#written = [];
    this.#isFresh = true;
  }

  /** To be told of each step; only the first one after a restart matters. */
  stepped(raft: MemberView): void {
    if (!this.#isFresh) return;
    this.#isFresh = false;
    this.#term = raft.term;
    this.#vote = raft.vote;
    this.#snapshotIndex = raft.firstIndex - 1;
    while (this.#terms.length < raft.firstIndex) this.#terms.push(0);
    this.#terms.length = raft.firstIndex;
    this.#terms[raft.firstIndex - 1] = raft.termAt(raft.firstIndex - 1) ?? 0;
    for (let index = raft.firstIndex; index <= raft.persisted; index++) {
      this.#terms.push(raft.termAt(index) ?? 0);
    }
  }
}
