import type { KeyValue, RevisionBatch } from '../../store/index.js';

/**
 * What the watch hub needs of the multiversion store: the past, read in slices. It must answer from
 * the moment a revision is published until the compaction revision has passed it.
 */
export interface History {
  /** The last applied revision. Can be ahead of what the hub was told by `publish`. */
  readonly revision: number;
  /**
   * Changes below this revision are gone; of those at it, the last of each key is still there.
   * Below 1 when none are gone.
   */
  readonly compactRevision: number;
  /**
   * Whole revisions above `after` and up to `upTo`, in order, at most `limit` of them and at least
   * one if there is any; none follows the one that makes their keys and values `bytesMax` or more.
   * Their events carry no `prevKv`.
   */
  history(after: number, upTo: number, limit: number, bytesMax: number): readonly RevisionBatch[];
  /**
   * The pair that the change of `key` at `modRevision` replaced; undefined when none, or compacted.
   */
  previous(key: Uint8Array, modRevision: number): KeyValue | undefined;
}
