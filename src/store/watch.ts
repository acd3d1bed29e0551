import type { KeyRange } from './range.js';

/** Which changes to be told of. */
export interface WatchRequest extends KeyRange {
  /**
   * First revision of interest: history from there is replayed, then changes follow as they happen.
   * 0 or absent: the revision after the one at which the watch is opened.
   */
  readonly startRevision?: number;
  /** Leave out puts. */
  readonly noPut?: boolean;
  /** Leave out deletes. */
  readonly noDelete?: boolean;
  /** Carry the pair before the change in each event. */
  readonly prevKv?: boolean;
  /**
   * Also emit batches without events now and then, so that a quiet watcher learns how far it is.
   */
  readonly progressNotify?: boolean;
}
