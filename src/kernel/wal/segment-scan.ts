import { ByteReader, CodecError } from '../codec/bytes.js';
import { readSegmentStart } from './payload.js';
import type { SegmentStart } from './payload.js';
import {
  countSectors,
  hasMoreThan,
  HEADER_BYTES,
  parseHeader,
  recordChain,
  recordExtent,
} from './record.js';
import type { RecordHeader, RecordType } from './record.js';
import { WalCorruptError } from './wal-corrupt-error.js';

/**
 * Reads one segment of the log and decides where it ends. It tells a write that a crash cut short
 * from bytes that changed later, and refuses the second; it changes nothing and never guesses. The
 * rules and their reasons are in docs/data-directory.md.
 */

export interface ScannedRecord {
  readonly type: RecordType;
  readonly offset: number;
  /** A view into the segment's bytes. */
  readonly payload: Uint8Array;
}

export interface SegmentScan {
  readonly start: SegmentStart;
  /** Records after the first one. */
  readonly records: readonly ScannedRecord[];
  /** Where the next record goes. */
  readonly end: number;
  /** Bytes of the last record, which end at `end`. A view. */
  readonly lastRecord: Uint8Array;
  /** Chain value of the last record. */
  readonly chain: number;
  /** Chain value of the first record. */
  readonly seed: number;
  /** Bytes after `end` that hold the rest of a torn write; 0 if none. */
  readonly tornBytes: number;
}

/** What is known of a segment before it is read. */
export interface SegmentPlace {
  readonly file: string;
  readonly sequence: number;
  /** Chain value that the segment before ended with, undefined for the first one there is. */
  readonly previous: number | undefined;
  readonly isLast: boolean;
}

/** @throws WalCorruptError when the bytes cannot be what a crash left behind */
export function scanSegment(bytes: Uint8Array, place: SegmentPlace): SegmentScan {
  return new Scanner(bytes, place).scan();
}

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #place: SegmentPlace;
  #at = 0;
  #lastAt = 0;
  #seed = 0;
  #chain = 0;

  constructor(bytes: Uint8Array, place: SegmentPlace) {
    this.#bytes = bytes;
    this.#place = place;
  }

  scan(): SegmentScan {
    const start = this.#readStart();
    const records: ScannedRecord[] = [];
    let tornBytes = 0;
    while (this.#at + HEADER_BYTES <= this.#bytes.length) {
      const header = this.#readHeader();
      if (header === undefined || !this.#isWhole(header)) {
        tornBytes = this.#judgeTail(header);
        break;
      }
      if (header.type === 'segment') throw this.#corrupt('a second record that begins a segment');
      records.push({ type: header.type, offset: this.#at, payload: this.#payload(header) });
      this.#accept(header);
    }
    return {
      start,
      records,
      end: this.#at,
      lastRecord: this.#bytes.subarray(this.#lastAt, this.#at),
      chain: this.#chain,
      seed: this.#seed,
      tornBytes,
    };
  }

  #corrupt(reason: string, at = this.#at): WalCorruptError {
    return new WalCorruptError(this.#place.file, at, reason);
  }

  #payload(header: RecordHeader): Uint8Array {
    const start = this.#at + HEADER_BYTES;
    return this.#bytes.subarray(start, start + header.payloadLength);
  }

  #accept(header: RecordHeader): void {
    this.#chain = header.chain;
    this.#lastAt = this.#at;
    this.#at += recordExtent(header.payloadLength);
  }

  /** The first record was durable before the file got its name: any fault in it is damage. */
  #readStart(): SegmentStart {
    const header = parseHeader(this.#bytes, 0, 0);
    if (header?.type !== 'segment') throw this.#corrupt('the segment does not begin as one');
    this.#chain = this.#place.previous ?? header.previous;
    this.#checkPlace(header);
    if (!this.#isWhole(header)) throw this.#corrupt('its first record has a wrong checksum');
    const start = this.#decodeStart(header);
    if (start.sequence !== this.#place.sequence) {
      throw this.#corrupt(`it is segment ${start.sequence} by its content`);
    }
    if (start.sizeBytes !== this.#bytes.length) {
      const size = `${this.#bytes.length} bytes, and it was made with ${start.sizeBytes}`;
      throw this.#corrupt(`the file has ${size}`);
    }
    this.#seed = header.chain;
    this.#accept(header);
    return start;
  }

  #decodeStart(header: RecordHeader): SegmentStart {
    try {
      const reader = new ByteReader(this.#payload(header));
      const start = readSegmentStart(reader);
      reader.end();
      return start;
    } catch (failure) {
      if (failure instanceof CodecError) throw this.#corrupt(failure.message);
      throw failure;
    }
  }

  /** Undefined where no record begins. */
  #readHeader(): RecordHeader | undefined {
    // A header has more than two bytes that are not zero, and a crash leaves it whole or not at
    // all. So a single stray byte is damage to unused space, and anything more was once a header.
    if (!hasMoreThan(this.#bytes, this.#at, this.#at + HEADER_BYTES, 1)) return undefined;
    const header = parseHeader(this.#bytes, this.#at, this.#seed);
    if (header === undefined) throw this.#corrupt('the header of a record has a wrong checksum');
    this.#checkPlace(header);
    return header;
  }

  #checkPlace(header: RecordHeader): void {
    const segment = this.#place.sequence >>> 0;
    if (header.offset !== this.#at || header.segment !== segment) {
      const place = `byte ${header.offset} of segment ${header.segment}`;
      throw this.#corrupt(`a record that belongs to ${place} (a misdirected write)`);
    }
    if (header.previous !== this.#chain) {
      throw this.#corrupt('a record that does not continue the one before it');
    }
    if (this.#at + recordExtent(header.payloadLength) > this.#bytes.length) {
      throw this.#corrupt('a record that is longer than its segment');
    }
  }

  #isWhole(header: RecordHeader): boolean {
    const extent = recordExtent(header.payloadLength);
    return recordChain(this.#bytes, this.#at, extent, this.#chain) === header.chain;
  }

  /** How many bytes a torn write left at the end of the records: 0 when all after it is blank. */
  #judgeTail(header: RecordHeader | undefined): number {
    const used = lastUsedByte(this.#bytes, this.#at) + 1;
    if (used <= this.#at) return 0;
    if (!this.#place.isLast) {
      // The next segment was begun only when everything here was durable.
      throw this.#corrupt('a damaged record, or bytes after the last one, in a completed segment');
    }
    const extent = header === undefined ? HEADER_BYTES : recordExtent(header.payloadLength);
    this.#expectNoRecord(this.#at + extent, used);
    if (header !== undefined) {
      const empty = countSectors(this.#bytes, this.#at, extent, this.#at, 0);
      if (empty <= header.sparseSectors) {
        throw this.#corrupt('a record that was written whole has a wrong checksum');
      }
    }
    return used - this.#at;
  }

  /** Any later record shows that everything before it was synced, or that a write went astray. */
  #expectNoRecord(from: number, to: number): void {
    for (let at = from; at < to; at += HEADER_BYTES) {
      if (parseHeader(this.#bytes, at, this.#seed) === undefined) continue;
      throw this.#corrupt(`a damaged record, and the one at byte ${at} shows that it was synced`);
    }
  }
}

/** Index of the last byte from `from` on that is not zero, or `from - 1`. */
function lastUsedByte(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  // Whole words first: the unused part of a segment is most of what a restart has to look at.
  const isAligned = bytes.byteOffset % 4 === 0 && end % 4 === 0;
  if (isAligned) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, end / 4);
    let word = words.length;
    const first = Math.ceil(from / 4);
    while (word > first && words[word - 1] === 0) word--;
    end = word * 4;
  }
  while (end > from && bytes[end - 1] === 0) end--;
  return end - 1;
}
