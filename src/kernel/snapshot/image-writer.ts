import { type Bucket, BUCKETS } from '../../ports/backend.js';
import { LIMITS } from '../../store/index.js';
import { ByteWriter } from '../codec/bytes.js';
import { crc32c } from '../codec/crc32c.js';
import {
  CHECKSUM_BYTES,
  CHUNK_KIND,
  encodeHeaderBody,
  encodeTrailerBody,
  IMAGE_MAGIC,
  IMAGE_VERSION,
  type ImageHeader,
  PART_START_BYTES,
  paddingOf,
  TRAILER_KIND,
} from './image-format.js';
import type { ImageRow } from './image-rows.js';

/**
 * Writes state images, piece by piece as somebody asks for them; what was written is forgotten. The
 * same header and rows give the same bytes. Rows come in the order of an image: by table, and by
 * key in each.
 */

/** The bytes of an image. */
export function* imagePieces(header: ImageHeader, rows: Iterable<ImageRow>): Iterable<Uint8Array> {
  let checksum = 0;
  let contentBytes = 0;
  const sealed = (part: ByteWriter): Uint8Array => {
    const bytes = part.finish();
    checksum = crc32c(bytes, checksum);
    contentBytes += bytes.length + CHECKSUM_BYTES;
    const writer = new ByteWriter(bytes.length + CHECKSUM_BYTES);
    return writer.raw(bytes).u32(checksum).finish();
  };
  yield sealed(headerPart(header));
  const counts = noRows();
  const body = new ByteWriter(LIMITS.imageChunkBytes * 2);
  for (const row of rows) {
    counts[row.bucket]++;
    writeRow(body, row);
    if (body.length >= LIMITS.imageChunkBytes) yield sealed(part(CHUNK_KIND, body.finish()));
  }
  if (body.length > 0) yield sealed(part(CHUNK_KIND, body.finish()));
  yield sealed(part(TRAILER_KIND, encodeTrailerBody({ rowCounts: counts, contentBytes })));
  const padding = paddingOf(contentBytes);
  if (padding > 0) yield new Uint8Array(padding);
}

/** The bytes that {@link imagePieces} will give, counted as the rows pass by. */
export class ImageMeasure {
  readonly #counts = noRows();
  #chunkBytes = 0;
  #byteCount = 0;

  constructor(header: ImageHeader) {
    this.#byteCount = headerPart(header).length + CHECKSUM_BYTES;
  }

  add(row: ImageRow): void {
    this.#counts[row.bucket]++;
    this.#chunkBytes += 1 + sizedBytes(row.key.length) + sizedBytes(row.value.length);
    if (this.#chunkBytes >= LIMITS.imageChunkBytes) this.#endChunk();
  }

  #endChunk(): void {
    this.#byteCount += PART_START_BYTES + this.#chunkBytes + CHECKSUM_BYTES;
    this.#chunkBytes = 0;
  }

  /** The bytes of the whole image. To be asked once, after the last row. */
  finish(): number {
    if (this.#chunkBytes > 0) this.#endChunk();
    const trailer = { rowCounts: this.#counts, contentBytes: this.#byteCount };
    this.#byteCount += PART_START_BYTES + encodeTrailerBody(trailer).length + CHECKSUM_BYTES;
    return this.#byteCount + paddingOf(this.#byteCount);
  }
}

function headerPart(header: ImageHeader): ByteWriter {
  const body = encodeHeaderBody(header);
  return new ByteWriter().raw(IMAGE_MAGIC).u32(IMAGE_VERSION).u32(body.length).raw(body);
}

function part(kind: number, body: Uint8Array): ByteWriter {
  return new ByteWriter(body.length + PART_START_BYTES).u8(kind).u32(body.length).raw(body);
}

function writeRow(writer: ByteWriter, { bucket, key, value }: ImageRow): void {
  writer.u8(BUCKETS.indexOf(bucket)).bytes(key).bytes(value);
}

/** Of a length as a varint, and what it is the length of. */
function sizedBytes(length: number): number {
  let byteCount = 1;
  for (let rest = length; rest > 0x7f; rest = Math.floor(rest / 128)) byteCount++;
  return byteCount + length;
}

function noRows(): Record<Bucket, number> {
  return { key: 0, meta: 0, lease: 0, alarm: 0, members: 0 };
}
