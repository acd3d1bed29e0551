import { REPLACE_MEMBER } from '../codec/replace-member.js';

/**
 * The log on disk is not what was written there. Whoever catches this must not repair, skip or
 * shorten the log: an entry that is missing may be one that this member promised to keep.
 */
export class WalCorruptError extends Error {
  /** Path of the file, as the Disk knows it. */
  readonly file: string;
  /** Byte of the file at which the record that cannot be trusted begins. */
  readonly offset: number;
  readonly reason: string;

  constructor(file: string, offset: number, reason: string) {
    super(
      `the write-ahead log is damaged: ${file}, byte ${offset}: ${reason}. Nothing was changed. ` +
        REPLACE_MEMBER,
    );
    this.name = 'WalCorruptError';
    this.file = file;
    this.offset = offset;
    this.reason = reason;
  }
}
