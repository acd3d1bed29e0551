import type { Bucket } from '../../ports/backend.js';
import type { ImageHeader } from './image-format.js';
import { ImageReader } from './image-reader.js';

/** What an image holds, found by reading all of it. */
export interface ImageSummary {
  readonly header: ImageHeader;
  /** Of `key`: all revisions of all keys that compaction has left. */
  readonly rowCounts: Readonly<Record<Bucket, number>>;
  readonly byteCount: number;
}

/**
 * Reads an image to its end and tells what is in it; nothing is kept.
 * @throws StateImageError when it is not whole and sound
 *
 * @example
 * const { header, byteCount } = await inspectImage(image);
 * console.log(`revision ${header.revision}, ${byteCount} bytes`);
 */
export async function inspectImage(image: AsyncIterable<Uint8Array>): Promise<ImageSummary> {
  const reader = new ImageReader();
  for await (const bytes of image) reader.push(bytes);
  const header = reader.end();
  return { header, rowCounts: { ...reader.rowCounts }, byteCount: reader.byteCount };
}
