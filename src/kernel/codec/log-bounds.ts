import { LIMITS } from '../../store/index.js';

/**
 * The bounds of the write-ahead log, taken from the one list of bounds: the room of the log knows
 * bytes and files, and nothing of the Store that the list belongs to.
 */
export const LOG_BOUNDS = {
  segmentBytes: LIMITS.walSegmentBytes,
  recordBytes: LIMITS.walRecordBytes,
  appendBytes: LIMITS.walAppendBytes,
  unsyncedBytes: LIMITS.walUnsyncedBytes,
  idleMarkMs: LIMITS.walIdleMarkMs,
} as const;
