import type { Disk, DiskFile } from '../../ports/disk.js';
import type { RecoveredLog } from './recovery.js';
import { SegmentWriter } from './segment-writer.js';

/**
 * The step from a log that was read to a log that is written: the only place that changes bytes of
 * an existing segment. It runs after recovery has judged the whole log, never before.
 */

const ZERO_CHUNK_BYTES = 1_048_576;

/**
 * Opens the last segment, blanks a torn write, and makes sure that all that was read is durable.
 */
export async function continueSegment(disk: Disk, log: RecoveredLog): Promise<SegmentWriter> {
  const { last, segments } = log;
  const summary = segments.at(-1);
  if (summary === undefined) throw new Error('a log without segments');
  const file = await disk.open(summary.file);
  await blank(file, last.end, last.tornBytes);
  // The last record may be what a killed process had not synced, or what a failed sync left in
  // memory alone, where another sync finds nothing to do. All before it is durable by its being
  // there.
  await file.writeDurably(last.lastRecord, last.end - last.lastRecord.length);
  const { sequence, sizeBytes } = last.start;
  const { end, chain, seed } = last;
  return new SegmentWriter(file, { sequence, sizeBytes, offset: end, chain, seed });
}

/** Zeros from the end of the records on, so that no stale byte can ever follow a new record. */
async function blank(file: DiskFile, offset: number, byteCount: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(byteCount, ZERO_CHUNK_BYTES));
  for (let done = 0; done < byteCount; done += zeros.length) {
    const length = Math.min(zeros.length, byteCount - done);
    await file.write(zeros.subarray(0, length), offset + done);
  }
}
