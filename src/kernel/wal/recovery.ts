import { ByteReader, CodecError } from '../codec/bytes.js';
import type { Disk } from '../../ports/disk.js';
import type { Entry, HardState, SnapshotMark } from '../raft/types.js';
import { IndexedTail } from './indexed-tail.js';
import { readAppend, readMark } from './payload.js';
import { parseSegmentName, SEGMENT_SUFFIX } from './segment-name.js';
import type { SegmentName } from './segment-name.js';
import { scanSegment } from './segment-scan.js';
import type { ScannedRecord, SegmentScan } from './segment-scan.js';
import { WalCorruptError } from './wal-corrupt-error.js';

/**
 * Reads a whole log back: every segment in order, each record applied to the state that the writer
 * had. It only reads; cutting a torn tail is the Wal's business. What it returns is complete and
 * contiguous, or it throws.
 */

export interface SegmentSummary {
  readonly file: string;
  readonly sequence: number;
  /** Highest index of an entry in it, overwritten or not; 0 without entries. */
  readonly maxIndex: number;
}

export interface RecoveredLog {
  readonly metadata: Uint8Array;
  readonly hardState: HardState;
  readonly mark: SnapshotMark;
  readonly tail: IndexedTail<Entry>;
  /** Oldest first; never empty. */
  readonly segments: readonly SegmentSummary[];
  /** Where writing goes on, in the last segment. */
  readonly last: SegmentScan;
}

interface FoundSegment extends SegmentName {
  readonly file: string;
}

/** The segments of a log, oldest first. @throws WalCorruptError when one is missing in between */
export async function listSegments(
  disk: Disk,
  directory: string,
): Promise<readonly FoundSegment[]> {
  const found: FoundSegment[] = [];
  for (const text of await disk.list(directory)) {
    if (!text.endsWith(SEGMENT_SUFFIX)) continue;
    const file = `${directory}/${text}`;
    const name = parseSegmentName(text);
    if (name === undefined) throw new WalCorruptError(file, 0, 'not the name of a segment');
    const before = found.at(-1);
    if (before !== undefined && name.sequence !== before.sequence + 1) {
      throw new WalCorruptError(file, 0, `segment ${before.sequence + 1} should come before it`);
    }
    found.push({ file, ...name });
  }
  return found;
}

/** @throws WalCorruptError, DiskError; an Error when there is no log */
export async function recover(disk: Disk, directory: string): Promise<RecoveredLog> {
  const found = await listSegments(disk, directory);
  let replay: Replay | undefined;
  let last: SegmentScan | undefined;
  for (const [position, segment] of found.entries()) {
    const bytes = await disk.read(segment.file);
    const isLast = position === found.length - 1;
    last = scanSegment(bytes, { ...segment, previous: last?.chain, isLast });
    replay ??= new Replay(last);
    replay.segment(segment, last);
  }
  if (replay === undefined || last === undefined) {
    throw new Error(`there is no write-ahead log in ${directory}`);
  }
  return replay.finish(last);
}

class Replay {
  readonly #metadata: Uint8Array;
  #tail: IndexedTail<Entry>;
  readonly #segments: SegmentSummary[] = [];
  #hardState: HardState;
  #mark: SnapshotMark;
  #file = '';
  #maxIndex = 0;

  constructor(first: SegmentScan) {
    this.#metadata = first.start.metadata;
    this.#hardState = first.start.hardState;
    this.#mark = first.start.mark;
    // Entries before the first segment are gone; a mark, perhaps a later one, must cover them.
    this.#tail = new IndexedTail(first.start.firstIndex - 1, (entry) => entry.term);
  }

  segment(segment: FoundSegment, scan: SegmentScan): void {
    this.#file = segment.file;
    this.#maxIndex = 0;
    const { firstIndex } = scan.start;
    if (this.#beginsAnew(scan)) this.#beginAnew(scan);
    if (firstIndex !== segment.firstIndex || firstIndex !== this.#tail.lastIndex + 1) {
      throw new WalCorruptError(segment.file, 0, `it begins at index ${firstIndex} by its content`);
    }
    for (const record of scan.records) this.#record(record);
    const { file, sequence } = segment;
    this.#segments.push({ file, sequence, maxIndex: this.#maxIndex });
  }

  /**
   * Whether the log was reset before this segment, and a crash left segments from before: else a
   * segment begins with the mark that the one before ended with, and goes on after its entries.
   */
  #beginsAnew({ start: { firstIndex, mark } }: SegmentScan): boolean {
    if (firstIndex !== mark.index + 1 || mark.index < this.#mark.index) return false;
    return mark.index > this.#mark.index || firstIndex !== this.#tail.lastIndex + 1;
  }

  #beginAnew({ start: { mark, hardState } }: SegmentScan): void {
    this.#mark = mark;
    this.#hardState = hardState;
    this.#tail = new IndexedTail(mark.index, (entry) => entry.term);
  }

  #record(record: ScannedRecord): void {
    const reader = new ByteReader(record.payload);
    try {
      if (record.type === 'append') this.#append(reader, record.offset);
      if (record.type === 'mark') this.#setMark(readMark(reader), record.offset);
      reader.end();
    } catch (failure) {
      if (!(failure instanceof CodecError)) throw failure;
      throw new WalCorruptError(this.#file, record.offset, failure.message);
    }
  }

  #append(reader: ByteReader, offset: number): void {
    const { hardState, entries } = readAppend(reader);
    this.#hardState = hardState ?? this.#hardState;
    for (const entry of entries) {
      if (!this.#tail.put(entry.index, entry)) {
        const gap = `entry ${entry.index} follows entry ${this.#tail.lastIndex}`;
        throw new WalCorruptError(this.#file, offset, gap);
      }
      this.#maxIndex = Math.max(this.#maxIndex, entry.index);
    }
  }

  #setMark(mark: SnapshotMark, offset: number): void {
    if (mark.index < this.#mark.index) {
      const back = `snapshot mark ${mark.index} after mark ${this.#mark.index}`;
      throw new WalCorruptError(this.#file, offset, back);
    }
    this.#mark = mark;
    this.#tail.mark(mark.index, mark.term);
  }

  finish(last: SegmentScan): RecoveredLog {
    const { index } = this.#mark;
    if (this.#tail.before > index) {
      const missing = `entries ${index + 1} to ${this.#tail.before} are missing before it`;
      throw new WalCorruptError(this.#segments[0]?.file ?? '', 0, missing);
    }
    const { commit } = this.#hardState;
    if (commit > this.#tail.lastIndex) {
      const short = `entry ${commit} was committed, and the log ends at ${this.#tail.lastIndex}`;
      throw new WalCorruptError(this.#file, last.end, short);
    }
    return {
      metadata: this.#metadata,
      hardState: { ...this.#hardState, commit: Math.max(commit, index) },
      mark: this.#mark,
      tail: this.#tail,
      segments: this.#segments,
      last,
    };
  }
}
