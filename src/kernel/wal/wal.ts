import type { Clock, Timer } from '../../ports/clock.js';
import type { Disk } from '../../ports/disk.js';
import { LOG_BOUNDS } from '../codec/log-bounds.js';
import type { ByteWriter } from '../codec/bytes.js';
import { continueSegment } from './continue-segment.js';
import { EMPTY_HARD_STATE, NOBODY } from '../raft/types.js';
import type { Entry, HardState, SnapshotMark } from '../raft/types.js';
import { IndexedTail } from './indexed-tail.js';
import { ENTRY_OVERHEAD_BYTES, writeAppend, writeMark } from './payload.js';
import type { RecordType } from './record.js';
import { listSegments, recover } from './recovery.js';
import type { SegmentSummary } from './recovery.js';
import { SegmentMaker } from './segment-maker.js';
import type { MadeSegment } from './segment-maker.js';
import { payloadLengthOf } from './segment-writer.js';
import type { SegmentWriter } from './segment-writer.js';

export interface WalOptions {
  readonly disk: Disk;
  /** Directory of the log alone; its parent exists. */
  readonly directory: string;
  /** Size of a segment; one with a larger record is larger. Default: `LIMITS.walSegmentBytes`. */
  readonly segmentBytes?: number;
  /** Times the syncs, and lets a log that falls quiet note that all of it is synced. */
  readonly clock?: Clock;
  /** Told of each durable write; only with a clock. */
  readonly onSync?: (seconds: number, bytes: number) => void;
}

/** What a log holds. */
export interface WalContent {
  readonly metadata: Uint8Array;
  readonly hardState: HardState;
  readonly mark: SnapshotMark | undefined;
  /** After the mark, contiguous. */
  readonly entries: readonly Entry[];
  /** Bytes of a torn write that were cut; 0 after a clean stop. */
  readonly cutBytes: number;
}

interface WalState {
  readonly writer: SegmentWriter;
  readonly segments: readonly SegmentSummary[];
  readonly metadata: Uint8Array;
  readonly hardState: HardState;
  readonly mark: SnapshotMark;
  readonly tail: IndexedTail<number>;
}

const termItself = (term: number): number => term;

/**
 * The write-ahead log of one member: raft's entries, hard state and snapshot marks, each durable
 * before it is reported so. It owns the files of its directory. Any failure, of the disk or of the
 * caller's order, ends it: every later call is rejected with the first failure and nothing is
 * written again, least of all a failed sync.
 */
export class Wal {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #clock: Clock | undefined;
  readonly #onSync: ((seconds: number, bytes: number) => void) | undefined;
  readonly #maker: SegmentMaker;
  readonly #metadata: Uint8Array;
  #tail: IndexedTail<number>;
  #segments: readonly SegmentSummary[];
  #writer: SegmentWriter;
  #hardState: HardState;
  #mark: SnapshotMark;
  #waitingEntries: Entry[] = [];
  #waitingBytes = 0;
  #waitingHardState: HardState | undefined;
  /** Settles after the last call so far; calls run one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #failure: Error | undefined;
  #isClosed = false;
  #writes = 0;
  #isMarkedSynced = false;
  #idleTimer: Timer | undefined;

  private constructor(options: WalOptions, maker: SegmentMaker, state: WalState) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#onSync = options.onSync;
    this.#maker = maker;
    this.#metadata = state.metadata;
    this.#tail = state.tail;
    this.#segments = state.segments;
    this.#writer = state.writer;
    this.#hardState = state.hardState;
    this.#mark = state.mark;
  }

  /** Whether `directory` holds a log. One that was interrupted while it was made does not count. */
  static async exists(disk: Disk, directory: string): Promise<boolean> {
    return (await listSegments(disk, directory)).length > 0;
  }

  /**
   * Makes a log that begins after `firstMark`.
   * @param metadata kept and given back by `open`; says whose log it is
   * @throws DiskError, or an Error when there is a log already
   */
  static async create(
    options: WalOptions,
    metadata: Uint8Array,
    firstMark: SnapshotMark,
  ): Promise<Wal> {
    const { disk, directory } = options;
    if (await Wal.exists(disk, directory)) throw new Error(`there is a log in ${directory}`);
    await disk.makeDirectory(directory);
    await disk.syncDirectory(parentOf(directory));
    const maker = makerOf(options);
    await maker.clear();
    const hardState = { ...EMPTY_HARD_STATE, term: firstMark.term, commit: firstMark.index };
    const firstIndex = firstMark.index + 1;
    const start = { sequence: 0, firstIndex, metadata, hardState, mark: firstMark };
    const { path, writer } = await maker.make(start, 0, 0);
    const segments = [{ file: path, sequence: 0, maxIndex: 0 }];
    const tail = new IndexedTail(firstMark.index, termItself);
    const state = { writer, segments, metadata, hardState, mark: firstMark, tail };
    return new Wal(options, maker, state);
  }

  /**
   * Reads a log back, cuts a torn write from its end, and continues it. What it returns is durable.
   * @throws WalCorruptError when the log is damaged; nothing was changed then
   * @throws DiskError
   */
  static async open(
    options: WalOptions,
  ): Promise<{ readonly wal: Wal; readonly content: WalContent }> {
    const { disk, directory } = options;
    const log = await recover(disk, directory);
    const maker = makerOf(options);
    await maker.clear();
    const writer = await continueSegment(disk, log);
    await disk.syncDirectory(directory);
    const tail = new IndexedTail(log.tail.before, termItself);
    for (const entry of log.tail.items) tail.put(entry.index, entry.term);
    const { metadata, hardState, mark, segments } = log;
    const state = { writer, segments, metadata, hardState, mark, tail };
    const entries = log.tail.items;
    const content = { metadata, hardState, mark, entries, cutBytes: log.last.tornBytes };
    return { wal: new Wal(options, maker, state), content };
  }

  /**
   * Writes raft's output. Durable when it resolves if `sync`; otherwise it is kept in memory and
   * written with the next durable append, or when there is much of it. Entries may overwrite
   * earlier ones after the mark, and then end the log.
   * @throws DiskError; an Error when the entries leave a gap or the commit index is beyond the log
   */
  append(
    entries: readonly Entry[],
    hardState: HardState | undefined,
    sync: boolean,
  ): Promise<void> {
    return this.#run(async () => {
      for (const entry of entries) {
        this.#waitingEntries.push(entry);
        this.#waitingBytes += entry.data.length + ENTRY_OVERHEAD_BYTES;
      }
      this.#waitingHardState = hardState ?? this.#waitingHardState;
      if (sync || this.#waitingBytes > LOG_BOUNDS.unsyncedBytes) await this.#flush();
    });
  }

  /**
   * Durably notes that the state up to `mark.index` is kept elsewhere; then removes the segments
   * that hold only entries up to it. A mark that the log does not contain (its index is beyond the
   * end, or has another term) empties the log, which goes on after it.
   * @throws DiskError; an Error when the mark is below the one before
   */
  mark(mark: SnapshotMark): Promise<void> {
    return this.#run(async () => {
      if (mark.index < this.#mark.index) {
        throw new Error(`snapshot mark ${mark.index} after mark ${this.#mark.index}`);
      }
      await this.#flush();
      await this.#write('mark', (writer) => writeMark(writer, mark));
      this.#mark = mark;
      this.#tail.mark(mark.index, mark.term);
      if (this.#hardState.commit < mark.index) {
        this.#hardState = { ...this.#hardState, commit: mark.index };
      }
      const kept = this.#segments.findIndex(({ maxIndex }) => maxIndex > mark.index);
      await this.#removeSegments(kept < 0 ? this.#segments.length - 1 : kept);
    });
  }

  /**
   * The log begins anew behind `mark`, whatever it held: what was after the mark goes, too. Either
   * all of that is so after a crash, or nothing is. To be called when the state up to the mark is
   * kept elsewhere. Term and vote stay, unless the mark has a later term.
   * @param hardState takes the place of term and vote, if given
   * @returns the hard state that the log has now
   * @throws DiskError; an Error when the mark is below the one before
   */
  async reset(mark: SnapshotMark, hardState?: HardState): Promise<HardState> {
    await this.#run(async () => {
      if (mark.index < this.#mark.index) {
        throw new Error(
          `a log that begins after ${mark.index}, and its mark is ${this.#mark.index}`,
        );
      }
      const { term, vote } = hardState ?? this.#waitingHardState ?? this.#hardState;
      const ownTerm = term >= mark.term ? { term, vote } : { term: mark.term, vote: NOBODY };
      this.#waitingEntries = [];
      this.#waitingBytes = 0;
      this.#waitingHardState = undefined;
      this.#hardState = { ...ownTerm, commit: mark.index };
      this.#mark = mark;
      this.#tail = new IndexedTail(mark.index, termItself);
      await this.#roll(0);
      await this.#removeSegments(this.#segments.length - 1);
    });
    return this.#hardState;
  }

  /**
   * Writes what waits, notes that all is synced, and closes. Closing twice does nothing, and
   * closing a log that died only gives its files back.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const wasDead = this.#failure !== undefined;
    const last = this.#run(async () => {
      await this.#flush();
      await this.#writeSynced();
    });
    this.#isClosed = true;
    await last.catch(() => undefined);
    this.#idleTimer?.cancel();
    try {
      await this.#writer.close();
      await this.#maker.discard();
    } catch (failure) {
      // Of several failures the first one counts.
      if (this.#failure === undefined) throw failure;
    }
    if (this.#failure !== undefined && !wasDead) throw this.#failure;
  }

  /**
   * Ends the log without another write, for an owner that has failed: what waited is lost, what was
   * durable stays. Never rejects; the files are given back as far as the disk lets them go.
   */
  async abandon(): Promise<void> {
    this.#failure ??= new Error('the write-ahead log was abandoned');
    await this.close().catch(() => undefined);
  }

  #run(work: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error('the write-ahead log is closed'));
    const turn = this.#turn.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        await work();
      } catch (failure) {
        this.#failure = failure instanceof Error ? failure : new Error(String(failure));
        throw this.#failure;
      }
    });
    // The caller has the rejection; the next turn finds it in #failure.
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #flush(): Promise<void> {
    const entries = this.#waitingEntries;
    const hardState = this.#waitingHardState;
    if (entries.length === 0 && hardState === undefined) return;
    this.#waitingEntries = [];
    this.#waitingBytes = 0;
    this.#waitingHardState = undefined;
    let part: Entry[] = [];
    let partBytes = 0;
    for (const entry of entries) {
      const bytes = entry.data.length + ENTRY_OVERHEAD_BYTES;
      if (part.length > 0 && partBytes + bytes > LOG_BOUNDS.appendBytes) {
        await this.#writeAppend(part, capCommit(hardState, part));
        part = [];
        partBytes = 0;
      }
      part.push(entry);
      partBytes += bytes;
    }
    await this.#writeAppend(part, hardState);
  }

  async #writeAppend(entries: readonly Entry[], hardState: HardState | undefined): Promise<void> {
    let lastIndex = this.#tail.lastIndex;
    for (const entry of entries) {
      if (entry.index > lastIndex + 1 || entry.index <= this.#mark.index) {
        throw new Error(
          `entry ${entry.index} cannot follow mark ${this.#mark.index} and entry ${lastIndex}`,
        );
      }
      lastIndex = entry.index;
    }
    if (hardState !== undefined && hardState.commit > lastIndex) {
      throw new Error(`commit ${hardState.commit} is beyond the log, which ends at ${lastIndex}`);
    }
    await this.#write('append', (writer) => writeAppend(writer, { hardState, entries }));
    for (const entry of entries) this.#tail.put(entry.index, entry.term);
    this.#hardState = hardState ?? this.#hardState;
    this.#raiseMaxIndex(entries);
  }

  #raiseMaxIndex(entries: readonly Entry[]): void {
    const current = this.#segments.at(-1);
    if (current === undefined || entries.length === 0) return;
    const maxIndex = entries.reduce((max, entry) => Math.max(max, entry.index), current.maxIndex);
    this.#segments = this.#segments.with(-1, { ...current, maxIndex });
  }

  async #write(type: RecordType, encode: (writer: ByteWriter) => void): Promise<void> {
    const record = this.#writer.open(encode);
    const payloadLength = payloadLengthOf(record);
    if (payloadLength > LOG_BOUNDS.recordBytes) {
      throw new Error(`a record of ${payloadLength} bytes is larger than a reader believes`);
    }
    if (!this.#writer.hasRoomFor(payloadLength)) await this.#roll(payloadLength);
    const start = this.#clock?.monotonic() ?? 0;
    const bytes = await this.#writer.write(type, record);
    this.#writes++;
    this.#isMarkedSynced = type === 'synced';
    if (this.#writer.isHalfFull) this.#maker.prepare();
    if (this.#clock === undefined) return;
    this.#onSync?.((this.#clock.monotonic() - start) / 1000, bytes);
    this.#watchForQuiet(this.#clock);
  }

  /** Continues in a new segment; all that the old ones hold is durable by now. */
  async #roll(payloadLength: number): Promise<void> {
    const old = this.#writer;
    const sequence = old.sequence + 1;
    const firstIndex = this.#tail.lastIndex + 1;
    const start = { sequence, firstIndex, metadata: this.#metadata };
    const states = { hardState: this.#hardState, mark: this.#mark };
    const made: MadeSegment = await this.#maker.make(
      { ...start, ...states },
      old.chain,
      payloadLength,
    );
    this.#writer = made.writer;
    this.#segments = [...this.#segments, { file: made.path, sequence, maxIndex: 0 }];
    await old.close();
  }

  /** Removes the oldest ones, never the one that is written to. */
  async #removeSegments(count: number): Promise<void> {
    const last = this.#segments.length - 1;
    for (const { file } of this.#segments.slice(0, Math.min(count, last))) {
      await this.#disk.remove(file);
      // One by one: a crash must never leave an older segment and lose a newer one.
      await this.#disk.syncDirectory(this.#directory);
      this.#segments = this.#segments.slice(1);
    }
  }

  async #writeSynced(): Promise<void> {
    if (this.#isMarkedSynced || !this.#writer.hasRoomFor(0)) return;
    await this.#write('synced', () => undefined);
  }

  #watchForQuiet(clock: Clock): void {
    if (this.#idleTimer !== undefined || this.#isMarkedSynced || this.#isClosed) return;
    const writes = this.#writes;
    this.#idleTimer = clock.timer(LOG_BOUNDS.idleMarkMs, () => {
      this.#idleTimer = undefined;
      if (this.#isClosed || this.#failure !== undefined) return;
      if (writes !== this.#writes) this.#watchForQuiet(clock);
      // A failure is kept: it ends the log, and the next call reports it.
      else this.#run(() => this.#writeSynced()).catch(() => undefined);
    });
  }
}

function makerOf(options: WalOptions): SegmentMaker {
  const segmentBytes = options.segmentBytes ?? LOG_BOUNDS.segmentBytes;
  return new SegmentMaker(options.disk, options.directory, segmentBytes);
}

function parentOf(directory: string): string {
  const slash = directory.lastIndexOf('/');
  return slash < 0 ? '.' : directory.slice(0, slash);
}

/** A hard state that is true of the log when it ends with these entries. */
function capCommit(
  hardState: HardState | undefined,
  entries: readonly Entry[],
): HardState | undefined {
  const lastIndex = entries.at(-1)?.index ?? 0;
  return hardState && { ...hardState, commit: Math.min(hardState.commit, lastIndex) };
}
