/**
 * A member's log in memory: everything behind the mark, in one array with an offset. It keeps four
 * places in order: applied <= committed <= last, and persisted <= last. Entries are kept as the
 * very objects they came as; nothing is copied. It never does I/O: it is told when entries are on
 * disk.
 */
import type { Entry, SnapshotMark } from './types.js';

export class Log {
  #entries: Entry[];
  /** The entry before the first one in memory. */
  #mark: SnapshotMark;
  #committed: number;
  #applied: number;
  #persisted: number;
  /** Entries up to here were given out to be persisted, and have not been replaced since. */
  #handedOut: number;

  constructor(mark: SnapshotMark, entries: readonly Entry[], committed: number, applied: number) {
    this.#entries = [...entries];
    this.#mark = mark;
    this.#committed = committed;
    this.#applied = applied;
    this.#persisted = mark.index + entries.length;
    this.#handedOut = this.#persisted;
    if (applied < mark.index || applied > committed || committed > this.lastIndex) {
      const places = `applied ${applied}, committed ${committed}`;
      throw new Error(`log ${mark.index}..${this.lastIndex} does not hold ${places}`);
    }
    let term = mark.term;
    for (const [position, entry] of entries.entries()) {
      if (entry.index !== mark.index + 1 + position || entry.term < term) {
        throw new Error(`entry ${entry.index} of term ${entry.term} does not follow in the log`);
      }
      term = entry.term;
    }
  }

  get #offset(): number {
    return this.#mark.index;
  }

  /** The entry before the first one in memory; who needs earlier ones needs a snapshot. */
  get mark(): SnapshotMark {
    return this.#mark;
  }

  get firstIndex(): number {
    return this.#offset + 1;
  }

  get lastIndex(): number {
    return this.#offset + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#mark.term;
  }

  get committed(): number {
    return this.#committed;
  }

  get applied(): number {
    return this.#applied;
  }

  get persisted(): number {
    return this.#persisted;
  }

  /** The term of the entry at `index`; undefined if it was compacted away or is not there yet. */
  termAt(index: number): number | undefined {
    if (index === this.#offset) return this.#mark.term;
    return this.#entries[index - this.#offset - 1]?.term;
  }

  entryAt(index: number): Entry | undefined {
    return this.#entries[index - this.#offset - 1];
  }

  /**
   * Whether a log that ends with (index, term) misses nothing that this one could have committed.
   */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    const ours = this.lastTerm;
    return lastTerm > ours || (lastTerm === ours && lastIndex >= this.lastIndex);
  }

  /**
   * The highest index <= `index` whose term is <= `term`: the best guess where this log can equal
   * one that has `term` at `index`. Skips a whole term for each refusal instead of one entry.
   */
  lastIndexWithin(index: number, term: number): number {
    let candidate = Math.min(index, this.lastIndex);
    while (candidate > this.#offset && (this.termAt(candidate) ?? 0) > term) candidate--;
    return candidate;
  }

  /** Entries from `from` to `through` as far as they fit in `bytesMax`, but at least one. */
  slice(from: number, through: number, bytesMax: number): readonly Entry[] {
    const start = from - this.#offset - 1;
    if (start < 0) throw new Error(`entry ${from} is not in memory, only from ${this.firstIndex}`);
    const limit = Math.min(through, this.lastIndex) - this.#offset;
    let end = start;
    let bytes = 0;
    while (end < limit) {
      bytes += this.#entries[end]?.data.length ?? 0;
      if (bytes > bytesMax && end > start) break;
      end++;
    }
    return this.#entries.slice(start, end);
  }

  /** Bytes of the data of entries from `from` to `through`. */
  bytesWithin(from: number, through: number): number {
    let bytes = 0;
    for (let index = from; index <= through; index++)
      bytes += this.entryAt(index)?.data.length ?? 0;
    return bytes;
  }

  /** Whether an entry from `from` to `through` changes the configuration. */
  hasConfigWithin(from: number, through: number): boolean {
    for (let index = from; index <= through; index++) {
      if (this.entryAt(index)?.kind === 'config') return true;
    }
    return false;
  }

  /** A leader's own entry, directly behind the last. */
  append(entry: Entry): void {
    if (entry.index !== this.lastIndex + 1) throw new Error(`entry ${entry.index} leaves a gap`);
    this.#entries.push(entry);
  }

  /**
   * Takes a leader's entries, which follow on an entry that both logs have. Only a real difference
   * truncates: a late copy of an old append must not take away what came after it.
   * @returns false, with nothing changed, if they contradict a committed entry
   */
  merge(entries: readonly Entry[]): boolean {
    const firstNew = entries.findIndex((entry) => this.termAt(entry.index) !== entry.term);
    const first = entries[firstNew];
    if (first === undefined) return true;
    if (first.index <= this.#committed) return false;
    if (first.index <= this.lastIndex) {
      this.#entries.length = first.index - this.#offset - 1;
      this.#persisted = Math.min(this.#persisted, first.index - 1);
      this.#handedOut = Math.min(this.#handedOut, first.index - 1);
    }
    for (let position = firstNew; position < entries.length; position++) {
      this.append(entries[position] as Entry);
    }
    return true;
  }

  /** Moves the commit index forward; never back, never beyond the end. */
  commitTo(index: number): void {
    this.#committed = Math.max(this.#committed, Math.min(index, this.lastIndex));
  }

  get hasUnpersisted(): boolean {
    return this.#handedOut < this.lastIndex;
  }

  /** The entries that wait to be persisted; {@link persistedHandedOut} says that they are. */
  handOut(): readonly Entry[] {
    const entries = this.#entries.slice(this.#handedOut - this.#offset);
    this.#handedOut = this.lastIndex;
    return entries;
  }

  /** What was handed out, and not replaced meanwhile, is on disk. */
  persistedHandedOut(): void {
    this.#persisted = this.#handedOut;
  }

  /** Entries above this and up to here may be applied: committed, and persisted by this member. */
  get applicable(): number {
    return Math.min(this.#committed, this.#persisted);
  }

  appliedTo(index: number): void {
    if (index < this.#applied || index > this.applicable) {
      throw new Error(`applied ${index} is outside ${this.#applied}..${this.applicable}`);
    }
    this.#applied = index;
  }

  /** Forgets entries up to `mark.index`; going back is ignored. */
  compact(mark: SnapshotMark): void {
    if (mark.index <= this.#offset) return;
    if (mark.index > this.#applied) {
      throw new Error(`entry ${mark.index} is not applied yet, only ${this.#applied}`);
    }
    if (this.termAt(mark.index) !== mark.term) {
      throw new Error(`entry ${mark.index} is not of term ${mark.term}`);
    }
    this.#entries = this.#entries.slice(mark.index - this.#offset);
    this.#mark = mark;
  }

  /**
   * Begins anew behind `mark`: the state up to there came from elsewhere, and whatever this log
   * held beyond its commit index is void. Only forward.
   */
  restore(mark: SnapshotMark): void {
    if (mark.index <= this.#committed) {
      throw new Error(`a snapshot at ${mark.index} would undo what is committed`);
    }
    this.#entries = [];
    this.#mark = mark;
    this.#committed = mark.index;
    this.#applied = mark.index;
    this.#persisted = mark.index;
    this.#handedOut = mark.index;
  }
}
