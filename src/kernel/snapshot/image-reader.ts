import { type Bucket, BUCKETS } from '../../ports/backend.js';
import { compareBytes, LIMITS } from '../../store/index.js';
import { ByteReader, CodecError } from '../codec/bytes.js';
import { crc32c } from '../codec/crc32c.js';
import {
  CHECKSUM_BYTES,
  CHUNK_KIND,
  IMAGE_MAGIC,
  IMAGE_START_BYTES,
  IMAGE_VERSION,
  type ImageHeader,
  type ImageTrailer,
  PART_START_BYTES,
  paddingOf,
  readHeaderBody,
  readTrailerBody,
  TRAILER_KIND,
} from './image-format.js';
import type { ImageRow } from './image-rows.js';
import { PieceQueue } from './piece-queue.js';
import { StateImageError } from './state-image-error.js';

/**
 * Reads a state image from pieces of any size, as they come. It takes exactly what the writer
 * gives: every checksum, the order of the rows, their number, the length and the padding are
 * checked, and an image is good only when `end` has said so. It keeps one chunk at most.
 */
export class ImageReader {
  readonly #pieces = new PieceQueue();
  #header: ImageHeader | undefined;
  #trailer: ImageTrailer | undefined;
  #checksum = 0;
  /** Zeros that are still to come, once the trailer was read. */
  #padding = 0;
  #last: ImageRow | undefined;
  readonly #counts: Record<Bucket, number> = { key: 0, meta: 0, lease: 0, alarm: 0, members: 0 };

  /** Undefined until enough of the image was read. */
  get header(): ImageHeader | undefined {
    return this.#header;
  }

  /** Rows of each table that were read so far. */
  get rowCounts(): Readonly<Record<Bucket, number>> {
    return this.#counts;
  }

  /** Bytes that were read so far, as far as they were judged. */
  get byteCount(): number {
    return this.#pieces.taken;
  }

  /**
   * Takes the next bytes of the image, which must not change later.
   * @returns the rows that are complete now; they belong to the caller
   * @throws StateImageError
   */
  push(bytes: Uint8Array): readonly ImageRow[] {
    this.#pieces.push(bytes);
    if (this.#header === undefined && !this.#readHeader()) return [];
    const rows: ImageRow[] = [];
    while (this.#trailer === undefined && this.#readPart(rows));
    if (this.#trailer !== undefined) this.#readPadding();
    return rows;
  }

  /**
   * To be called when there are no more bytes.
   * @throws StateImageError unless the image is complete
   */
  end(): ImageHeader {
    if (this.#header === undefined || this.#trailer === undefined || this.#padding > 0) {
      throw this.#damaged('it ends too early');
    }
    return this.#header;
  }

  #damaged(reason: string): StateImageError {
    return new StateImageError(this.#pieces.taken, reason);
  }

  #readHeader(): boolean {
    const start = this.#pieces.peek(IMAGE_START_BYTES);
    if (start === undefined) return false;
    const reader = new ByteReader(start);
    if (compareBytes(reader.raw(IMAGE_MAGIC.length), IMAGE_MAGIC) !== 0) {
      throw this.#damaged('it does not begin as a state image');
    }
    const version = reader.u32();
    if (version !== IMAGE_VERSION) throw this.#damaged(`it is of version ${version}`);
    const length = reader.u32();
    if (length > LIMITS.imageHeaderBytesMax) throw this.#damaged(`a header of ${length} bytes`);
    const body = this.#takeSealed(IMAGE_START_BYTES, length);
    if (body === undefined) return false;
    this.#header = this.#decode(() => readHeaderBody(body));
    return true;
  }

  /** @returns whether there was a whole one */
  #readPart(rows: ImageRow[]): boolean {
    const start = this.#pieces.peek(PART_START_BYTES);
    if (start === undefined) return false;
    const reader = new ByteReader(start);
    const kind = reader.u8();
    const length = reader.u32();
    if (kind !== CHUNK_KIND && kind !== TRAILER_KIND) throw this.#damaged(`a part of kind ${kind}`);
    if (length > LIMITS.imageChunkBytesMax) throw this.#damaged(`a part of ${length} bytes`);
    const contentBytes = this.#pieces.taken;
    const body = this.#takeSealed(PART_START_BYTES, length);
    if (body === undefined) return false;
    if (kind === CHUNK_KIND) this.#decode(() => this.#readRows(body, rows));
    else this.#readTrailer(body, contentBytes);
    return true;
  }

  #readTrailer(body: ByteReader, contentBytes: number): void {
    const trailer = this.#decode(() => readTrailerBody(body));
    if (trailer.contentBytes !== contentBytes) throw this.#damaged('its length is another');
    for (const bucket of BUCKETS) {
      if (trailer.rowCounts[bucket] !== this.#counts[bucket]) {
        throw this.#damaged(`${this.#counts[bucket]} rows of ${bucket}`);
      }
    }
    this.#trailer = trailer;
    this.#padding = paddingOf(this.#pieces.taken);
  }

  /** A part of `startBytes` and `length` bytes, without its start and its checksum. */
  #takeSealed(startBytes: number, length: number): ByteReader | undefined {
    const bytes = this.#pieces.take(startBytes + length + CHECKSUM_BYTES);
    if (bytes === undefined) return undefined;
    const end = startBytes + length;
    const checksum = crc32c(bytes, this.#checksum, 0, end);
    if (new ByteReader(bytes, end).u32() !== checksum) throw this.#damaged('a wrong checksum');
    this.#checksum = checksum;
    return new ByteReader(bytes.subarray(0, end), startBytes);
  }

  #readRows(reader: ByteReader, rows: ImageRow[]): void {
    if (reader.remaining === 0) throw new CodecError('a chunk without rows');
    while (reader.remaining > 0) {
      const bucket = BUCKETS[reader.u8()];
      if (bucket === undefined) throw new CodecError('a row of no table');
      const row = { bucket, key: reader.bytes(), value: reader.bytes() };
      if (!follows(row, this.#last)) throw new CodecError('a row that is out of order');
      this.#counts[bucket]++;
      rows.push(row);
      this.#last = row;
    }
  }

  #readPadding(): void {
    const rest = this.#pieces.take(this.#pieces.length);
    if (rest === undefined) return;
    if (rest.length > this.#padding) throw this.#damaged('bytes after its end');
    if (rest.some((byte) => byte !== 0)) throw this.#damaged('its padding is not blank');
    this.#padding -= rest.length;
  }

  #decode<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof CodecError) throw this.#damaged(error.message);
      throw error;
    }
  }
}

function follows(row: ImageRow, before: ImageRow | undefined): boolean {
  if (before === undefined) return true;
  if (row.bucket === before.bucket) return compareBytes(row.key, before.key) > 0;
  return BUCKETS.indexOf(row.bucket) > BUCKETS.indexOf(before.bucket);
}
