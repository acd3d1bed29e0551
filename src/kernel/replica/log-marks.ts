/**
 * What the log may forget. Once enough has gathered, a mark says that the backend holds everything
 * up to it durably; then older segments go, and older entries leave the memory. In a cluster the
 * mark stays some entries behind, for members that lag a little: they are spared a whole state.
 */
import type { Trace } from '../../ports/trace.js';
import { LIMITS } from '../../store/index.js';
import { isSoleVoter } from '../raft/quorum.js';
import type { Raft } from '../raft/raft.js';
import type { Entry, SnapshotMark } from '../raft/types.js';
import type { Wal } from '../wal/wal.js';
import type { AppliedState } from './applied-row.js';

export interface LogMarksOptions {
  readonly raft: Raft;
  readonly wal: Wal;
  readonly trace: Trace;
  /** Entries between two marks, and entries that stay behind one. */
  readonly snapshotEntries: number;
  readonly catchUpEntries: number;
  /** As the log says it at the start. */
  readonly mark: SnapshotMark;
  /** Bytes of the entries after it; without them a member that often restarts would never mark. */
  readonly bytesSinceMark: number;
}

export class LogMarks {
  readonly #options: LogMarksOptions;
  #mark: SnapshotMark;
  /** How far the backend was when the last mark was made. */
  #durableIndex: number;
  #bytes: number;

  constructor(options: LogMarksOptions) {
    this.#options = options;
    this.#mark = options.mark;
    this.#durableIndex = options.mark.index;
    this.#bytes = options.bytesSinceMark;
  }

  /** Entries went into the log. */
  note(entries: readonly Entry[]): void {
    for (const entry of entries) this.#bytes += entry.data.length;
  }

  /** A state was installed, and the log begins anew behind it. */
  restart(mark: SnapshotMark): void {
    this.#mark = mark;
    this.#durableIndex = mark.index;
    this.#bytes = 0;
  }

  /** Makes a mark when enough has gathered since the last one. */
  async makeIfDue(durable: AppliedState | undefined): Promise<void> {
    if (durable === undefined) return;
    const isDue =
      durable.index - this.#durableIndex >= this.#options.snapshotEntries ||
      this.#bytes >= LIMITS.snapshotBytes;
    if (isDue) await this.make(durable);
  }

  /** Makes a mark, unless it would say nothing new. */
  async make(durable: AppliedState): Promise<void> {
    if (durable.index <= this.#durableIndex) return;
    const { raft, wal, trace } = this.#options;
    this.#durableIndex = durable.index;
    this.#bytes = 0;
    const mark = this.#behind(durable);
    if (mark.index <= this.#mark.index) return;
    await wal.mark(mark);
    raft.compactLog(mark);
    this.#mark = mark;
    trace.event('debug', 'snapshot mark', { index: mark.index });
  }

  /**
   * The mark for a backend that is as far as `durable`. Its configuration is that of `durable`: who
   * restarts has it from the backend too, and reads the entries between as applied already.
   */
  #behind(durable: AppliedState): SnapshotMark {
    const { raft, catchUpEntries } = this.#options;
    const { confState } = durable;
    const isAlone = isSoleVoter(raft.confState, raft.id) && raft.learners.length === 0;
    let { index } = durable;
    let bytes = 0;
    for (let left = isAlone ? 0 : catchUpEntries; left > 0; left--) {
      bytes += raft.entryAt(index)?.data.length ?? 0;
      if (bytes > LIMITS.snapshotCatchUpBytes || raft.termAt(index - 1) === undefined) break;
      index--;
    }
    const term = raft.termAt(index);
    if (term === undefined) throw new Error(`entry ${index} is not in memory, and is to be marked`);
    return { index, term, confState };
  }
}
