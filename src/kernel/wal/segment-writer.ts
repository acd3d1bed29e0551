import type { DiskFile } from '../../ports/disk.js';
import { ByteWriter } from '../codec/bytes.js';
import { HEADER_BYTES, chainOf, openRecord, recordExtent, sealRecord } from './record.js';
import type { RecordType } from './record.js';

/** Where in its file, and after which record, a segment goes on. */
export interface SegmentPosition {
  readonly sequence: number;
  readonly sizeBytes: number;
  readonly offset: number;
  /** Chain value of the last record. */
  readonly chain: number;
  /** Chain value of the segment's first record. */
  readonly seed: number;
}

/**
 * The end of the segment that is written to. It owns the open file and keeps offset and chain in
 * step with what is durable; one record at a time, each a single durable write.
 */
export class SegmentWriter {
  readonly sequence: number;
  readonly #file: DiskFile;
  readonly #sizeBytes: number;
  readonly #seed: number;
  readonly #writer = new ByteWriter();
  #offset: number;
  #chain: number;

  constructor(file: DiskFile, position: SegmentPosition) {
    this.sequence = position.sequence;
    this.#file = file;
    this.#sizeBytes = position.sizeBytes;
    this.#seed = position.seed;
    this.#offset = position.offset;
    this.#chain = position.chain;
  }

  get chain(): number {
    return this.#chain;
  }

  get isHalfFull(): boolean {
    return this.#offset * 2 > this.#sizeBytes;
  }

  /** Encodes the payload of the next record. At most one record is open at a time. */
  open(encode: (writer: ByteWriter) => void): ByteWriter {
    encode(openRecord(this.#writer));
    return this.#writer;
  }

  /** Whether a record with that payload, as {@link open} encoded it, still fits. */
  hasRoomFor(payloadLength: number): boolean {
    return this.#offset + recordExtent(payloadLength) <= this.#sizeBytes;
  }

  /** Writes an encoded record; durable when it resolves. Returns its size in the file. */
  async write(type: RecordType, record: ByteWriter): Promise<number> {
    const place = { offset: this.#offset, segment: this.sequence, seed: this.#seed };
    const bytes = sealRecord(record, type, place, this.#chain);
    await this.#file.writeDurably(bytes, this.#offset);
    this.#offset += bytes.length;
    this.#chain = chainOf(bytes);
    record.rewind(0);
    return bytes.length;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Length of the payload in an open record. */
export function payloadLengthOf(record: ByteWriter): number {
  return record.length - HEADER_BYTES;
}
