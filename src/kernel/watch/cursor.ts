import type { RevisionBatch } from '../../store/index.js';

/**
 * One watcher's place in history, seen by whoever consumes it. Consumers pull: nothing is pushed at
 * one that is slow, it only falls back from the live feed to reading history, at its own pace.
 */
export interface WatchCursor {
  /**
   * The next batches, in revision order, each a whole revision; empty when nothing is ready now. At
   * most `limit` batches. Batches whose events were all filtered out are not returned, but move
   * `position` on.
   */
  take(limit: number): readonly RevisionBatch[];
  /**
   * Called when `take` may have something, or when the cursor ended: at most once until the next
   * `take`, and never from inside a call of this cursor's own.
   */
  onReady: () => void;
  /** Everything up to this revision was returned by `take` or did not concern this watcher. */
  readonly position: number;
  /** Whether the cursor has returned everything up to the store's current revision. */
  readonly synced: boolean;
  /** Whether it is fed with each revision as it is published, so that `take` reads no history. */
  readonly live: boolean;
  /**
   * Set once history that was still to be delivered has been compacted: the revision history starts
   * at. By then `take` has handed out all that was left; nothing follows.
   */
  readonly compactRevision: number | undefined;
  /** Whether the watcher has ended by `close`, its own or that of the member; nothing follows. */
  readonly closed: boolean;
  /** Ends the watcher and frees its buffer. Idempotent. */
  close(): void;
}
