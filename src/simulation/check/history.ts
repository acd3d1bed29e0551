/**
 * What happened, as clients saw it: the input of every checker, whether it was recorded in the
 * simulation or on real processes. Plain data; times are milliseconds of one monotonic clock that
 * all clients share (in the simulation the true time, whatever a node's own clock says).
 */
import type {
  CompactRequest,
  CompactResult,
  DeleteRequest,
  DeleteResult,
  LeaseGrantRequest,
  LeaseGrantResult,
  LeaseKeepAliveResult,
  LeaseListResult,
  LeaseRevokeResult,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResult,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  RevisionBatch,
  StoreErrorCode,
  TxnRequest,
  TxnResult,
  WatchRequest,
} from '../../store/index.js';

/** A call of a Store, with the request as it was given. */
export type Call =
  | { readonly kind: 'range'; readonly request: RangeRequest }
  | { readonly kind: 'put'; readonly request: PutRequest }
  | { readonly kind: 'delete'; readonly request: DeleteRequest }
  | { readonly kind: 'txn'; readonly request: TxnRequest }
  | { readonly kind: 'compact'; readonly request: CompactRequest }
  | { readonly kind: 'leaseGrant'; readonly request: LeaseGrantRequest }
  | { readonly kind: 'leaseRevoke'; readonly id: bigint }
  | { readonly kind: 'leaseKeepAlive'; readonly id: bigint }
  | { readonly kind: 'leaseTimeToLive'; readonly request: LeaseTimeToLiveRequest }
  | { readonly kind: 'leaseList' };

export type CallKind = Call['kind'];

export type Answer =
  | { readonly kind: 'range'; readonly result: RangeResult }
  | { readonly kind: 'put'; readonly result: PutResult }
  | { readonly kind: 'delete'; readonly result: DeleteResult }
  | { readonly kind: 'txn'; readonly result: TxnResult }
  | { readonly kind: 'compact'; readonly result: CompactResult }
  | { readonly kind: 'leaseGrant'; readonly result: LeaseGrantResult }
  | { readonly kind: 'leaseRevoke'; readonly result: LeaseRevokeResult }
  | { readonly kind: 'leaseKeepAlive'; readonly result: LeaseKeepAliveResult }
  | { readonly kind: 'leaseTimeToLive'; readonly result: LeaseTimeToLiveResult }
  | { readonly kind: 'leaseList'; readonly result: LeaseListResult };

export type Outcome =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** The server said that the call had no effect, and why. */
  | {
      readonly kind: 'refused';
      readonly code: StoreErrorCode;
      readonly compactRevision: number | undefined;
    }
  /** No answer, or one that leaves it open: a write may have happened, or happen later, once. */
  | { readonly kind: 'unknown' };

/** One call of one client. */
export interface Operation {
  /** Dense from 0, in order of invocation. */
  readonly id: number;
  /** Who called. A client may have several calls under way. */
  readonly client: number;
  /** The member that was asked, by its place in the cluster or its name. */
  readonly member: string;
  readonly call: Call;
  readonly invokedMs: number;
  /** When the outcome was known; for `unknown`, when the client gave up. */
  readonly returnedMs: number;
  readonly outcome: Outcome;
}

/** Something that a watch delivered, in the order of delivery. */
export type WatchNote =
  | { readonly kind: 'batch'; readonly atMs: number; readonly batch: RevisionBatch }
  /** All events up to `revision` were delivered before. */
  | { readonly kind: 'progress'; readonly atMs: number; readonly revision: number }
  | {
      readonly kind: 'error';
      readonly atMs: number;
      readonly code: StoreErrorCode;
      readonly compactRevision: number | undefined;
    };

/** One watch of one client, over as many connections as it took. */
export interface WatchRecord {
  readonly id: number;
  readonly client: number;
  readonly request: WatchRequest;
  readonly openedMs: number;
  /** When the client closed it; undefined for one that was open at the end. */
  readonly closedMs: number | undefined;
  readonly notes: readonly WatchNote[];
}

/** A member that stopped and came back: what is promised per member begins anew. */
export interface MemberRestart {
  readonly member: string;
  readonly atMs: number;
}

/**
 * What a user of a recipe did or was told. `name` is the lock's or election's; `fence` the lock's
 * fence or the leadership's term. In the order in which things happened.
 */
export type RecipeNote =
  /**
   * A client took itself for the owner from `fromMs`, when `acquire` or `campaign` had returned,
   * until `untilMs`, the last moment at which its signal was not aborted: both in true time.
   */
  | {
      readonly kind: 'held';
      readonly recipe: 'lock' | 'election' | 'permit' | 'read' | 'write' | 'message' | 'barrier';
      readonly name: string;
      readonly client: number;
      readonly fence: number;
      readonly fromMs: number;
      readonly untilMs: number;
    }
  /** An owner acted on a resource that refuses fences lower than the highest it has seen. */
  | {
      readonly kind: 'action';
      readonly recipe: 'lock' | 'election';
      readonly name: string;
      readonly resource: string;
      readonly client: number;
      readonly fence: number;
      readonly accepted: boolean;
      readonly atMs: number;
    }
  /** `Queue.send` returned that the message was accepted. */
  | {
      readonly kind: 'sent';
      readonly queue: string;
      readonly id: string;
      readonly invokedMs: number;
      readonly atMs: number;
    }
  /** `Message.ack` returned, of the delivery with this fence. */
  | {
      readonly kind: 'acked';
      readonly queue: string;
      readonly id: string;
      readonly fence: number;
      readonly atMs: number;
    }
  /**
   * Somebody was let through a double barrier, or, on its way out, was told that all have left.
   * `needed` is how many must have been there.
   */
  | {
      readonly kind: 'passed';
      readonly gate: string;
      readonly round: number;
      readonly client: number;
      readonly needed: number;
      readonly isOut: boolean;
      readonly atMs: number;
    }
  /** `Latch.countDown` ended: with what it was told, or without an answer. */
  | {
      readonly kind: 'counted';
      readonly latch: string;
      readonly id: string;
      readonly client: number;
      readonly told:
        | { readonly round: number; readonly isCounted: boolean; readonly remaining: number }
        | undefined;
      readonly invokedMs: number;
      readonly atMs: number;
    }
  /** `Latch.wait` returned: a read at `revision` had shown that the round was open. */
  | {
      readonly kind: 'latched';
      readonly latch: string;
      readonly round: number;
      readonly client: number;
      readonly revision: number;
      readonly invokedMs: number;
      readonly atMs: number;
    }
  /** `Counter.add` ended: with the value that it was told, or without an answer. */
  | {
      readonly kind: 'added';
      readonly name: string;
      readonly client: number;
      readonly operation: string;
      readonly amount: number;
      readonly value: string | undefined;
      readonly atMs: number;
    }
  /** `Sequence.next` returned. */
  | {
      readonly kind: 'numbered';
      readonly name: string;
      readonly client: number;
      readonly number: number;
      readonly atMs: number;
    }
  /**
   * `Members.join` ended: as a member, refused because the id was taken, or without anybody
   * knowing. `token` is in what the member tells of itself, and in nothing else.
   */
  | {
      readonly kind: 'joined';
      readonly group: string;
      readonly id: string;
      readonly token: string;
      readonly client: number;
      readonly onConflict: 'reject' | 'replace' | 'suffix';
      readonly outcome: 'joined' | 'refused' | 'unknown';
      readonly invokedMs: number;
      readonly atMs: number;
    }
  /**
   * A membership told that it stands: under an id that is the one it asked for or made of it, after
   * it had been looking for one since `fromMs`.
   */
  | {
      readonly kind: 'stood';
      readonly group: string;
      readonly asked: string;
      readonly id: string;
      readonly token: string;
      readonly client: number;
      readonly incarnation: number;
      readonly fromMs: number;
      readonly atMs: number;
    }
  /** A membership, last of that incarnation, told that others have turned it out. */
  | {
      readonly kind: 'expelled';
      readonly group: string;
      readonly id: string;
      readonly token: string;
      readonly client: number;
      readonly incarnation: number;
      readonly atMs: number;
    }
  /** `Members.list` returned when all was well; `wanted` took themselves for members. */
  | {
      readonly kind: 'listed';
      readonly group: string;
      readonly wanted: readonly string[];
      readonly listed: readonly string[];
      readonly atMs: number;
    }
  /** `Barrier.wait` returned: a read at `revision` had shown the barrier open. */
  | {
      readonly kind: 'waited';
      readonly name: string;
      readonly client: number;
      readonly revision: number;
      readonly invokedMs: number;
      readonly atMs: number;
    }
  /**
   * A function of `Coordination.stm` ended: what it had read, at which revision (0: nothing), and
   * what it had written; `writes` is undefined when it did not come to its end.
   */
  | {
      readonly kind: 'tried';
      readonly transaction: string;
      readonly revision: number;
      readonly reads: readonly TransactionRead[];
      readonly writes: ReadonlyMap<string, string | undefined> | undefined;
      readonly atMs: number;
    }
  /** `Coordination.stm` ended: as done, as certainly not done, or without anybody knowing. */
  | {
      readonly kind: 'transacted';
      readonly transaction: string;
      readonly client: number;
      readonly outcome: 'done' | 'notDone' | 'unknown';
      readonly invokedMs: number;
      readonly atMs: number;
    }
  /**
   * `GuardedTxn.commit` ended: it happened, or was refused because of its guards, at `revision`; or
   * nobody knows (0). Whatever it wrote has `token` for its value, which nothing else has.
   */
  | {
      readonly kind: 'guarded';
      readonly token: string;
      readonly client: number;
      readonly guards: readonly GuardNote[];
      /** Keys that it puts, and keys that it deletes. */
      readonly puts: readonly string[];
      readonly deletes: readonly string[];
      readonly outcome: 'done' | 'refused' | 'unknown';
      readonly revision: number;
      readonly atMs: number;
    }
  /**
   * A view showed this at `revision`, of which it says that it is. A view that must have caught up
   * shows at least the state of the revision `least`.
   */
  | {
      readonly kind: 'shown';
      readonly view: string;
      readonly client: number;
      readonly revision: number;
      readonly least: number;
      readonly parts: readonly ShownPart[];
      readonly atMs: number;
    }
  /**
   * An instance took itself for one that a rollout lets try the value of `revision`, from when its
   * handler was called to the last moment at which nobody had told it to stop.
   */
  | {
      readonly kind: 'rolled';
      /** Its prefix, less the slash at its end. */
      readonly config: string;
      readonly gate: string;
      readonly instance: string;
      readonly revision: number;
      readonly failureBudget: number;
      /** Whether the value is one with which an instance can be well. */
      readonly isGood: boolean;
      readonly fromMs: number;
      readonly untilMs: number;
    }
  /** `Election.leader$` emitted: the leader, or undefined for none. */
  | {
      readonly kind: 'observed';
      readonly name: string;
      readonly observer: number;
      readonly leader:
        | { readonly id: string; readonly value: string; readonly term: number }
        | undefined;
      readonly atMs: number;
    }
  /** `RebootGroup.acquire` returned a slot that was granted at `revision`. */
  | {
      readonly kind: 'slotAcquired';
      readonly group: string;
      readonly node: string;
      readonly revision: number;
      readonly invokedMs: number;
      readonly atMs: number;
    }
  /** `RebootGroup.release` returned whether there was a slot. */
  | {
      readonly kind: 'slotReleased';
      readonly group: string;
      readonly node: string;
      readonly released: boolean;
      readonly invokedMs: number;
      readonly atMs: number;
    };

/** What a transaction has read: a key, or everything under a prefix, by key. */
export interface TransactionRead {
  readonly key: string;
  readonly isPrefix: boolean;
  readonly pairs: readonly (readonly [key: string, value: string])[];
}

/** What must hold for a transaction: an ownership, or that settings are what they were. */
export type GuardNote =
  | { readonly recipe: 'lock' | 'election'; readonly name: string; readonly fence: number }
  | {
      readonly recipe: 'config';
      readonly name: string;
      /** The revision of the value in force, and the value as text. */
      readonly revision: number;
      readonly text: string;
    };

/** One of the things that a view shows, as text: what it is, and of which name. */
export interface ShownPart {
  readonly kind: 'pairs' | 'settings' | 'members' | 'leader' | 'permits';
  /** Of settings the prefixes of all layers, the last one wins, with ` < ` between them. */
  readonly name: string;
  readonly text: string;
}

/** What a recorder that watched everything from the first revision saw: the merged truth. */
export interface History {
  readonly operations: readonly Operation[];
  readonly watches: readonly WatchRecord[];
  /**
   * Every revision's events from 2 to the last, without gap. From a log or an unbroken watch; the
   * checkers trust it no more than any other watch and compare the two.
   */
  readonly revisions: readonly RevisionBatch[];
  /**
   * When each of `revisions` was first applied by any member, in true time, where that is known (a
   * simulation knows). Makes the checks of leases sharper.
   */
  readonly revisionsAtMs?: readonly (number | undefined)[];
  readonly restarts?: readonly MemberRestart[];
  readonly recipes?: readonly RecipeNote[];
  /** When the run ended. */
  readonly endMs: number;
}

/** A promise that was broken; the first line that a person reads about it. */
export interface Violation {
  /** The property, by its name in `docs/faults.md`: `L1`, `W3`, `E1`, `K2`, `S1`, … */
  readonly property: string;
  readonly message: string;
  /** When it showed, for the timeline. */
  readonly atMs: number | undefined;
}
