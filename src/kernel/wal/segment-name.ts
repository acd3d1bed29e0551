/**
 * Names of the files of a log: `<sequence>-<first index>.wal`, both in 16 hexadecimal digits, so
 * that sorting the names sorts the segments. Files whose name ends in `.tmp` are unfinished
 * segments that no record was ever promised in.
 */
export interface SegmentName {
  /** Counts segments from 0 over the life of the log; the first ones may be gone. */
  readonly sequence: number;
  /** Index that the first entry of the segment has, unless it overwrites earlier ones. */
  readonly firstIndex: number;
}

export const SEGMENT_SUFFIX = '.wal';
export const UNFINISHED_SUFFIX = '.tmp';

const PATTERN = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/;

const hex16 = (value: number): string => value.toString(16).padStart(16, '0');

export function formatSegmentName(name: SegmentName): string {
  return `${hex16(name.sequence)}-${hex16(name.firstIndex)}${SEGMENT_SUFFIX}`;
}

/** Undefined for a name that {@link formatSegmentName} does not give. */
export function parseSegmentName(text: string): SegmentName | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const sequence = Number(`0x${match[1]}`);
  const firstIndex = Number(`0x${match[2]}`);
  if (!Number.isSafeInteger(sequence) || !Number.isSafeInteger(firstIndex)) return undefined;
  return { sequence, firstIndex };
}
