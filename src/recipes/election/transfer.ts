import {
  type Compare,
  isStoreError,
  type KeyValue,
  type Store,
  toText,
  type TxnOperation,
  type TxnRequest,
} from '../../store/index.js';
import type { CancelScope } from '../base/cancel-scope.js';
import { rangeOf } from '../base/queue-place.js';
import type { ElectionKeys } from './election-layout.js';
import { encodeTerm } from './election-status.js';

/**
 * What came of handing a leadership over.
 *
 * - `transferred`: the candidate leads, in this term.
 * - `refused`: there is no such candidate; nothing has changed.
 * - `ended`: the leadership was given up, but the candidate was gone at the last moment, or the
 *   answer was lost and others have led since; whoever is next in line leads.
 */
export type TransferResult =
  | { readonly outcome: 'transferred'; readonly term: number }
  | { readonly outcome: 'refused' | 'ended' };

/** One leadership that is to move. */
export interface Move {
  readonly keys: ElectionKeys;
  readonly term: number;
  /** The candidate's pair, as it was read. */
  readonly target: KeyValue;
  readonly targetId: string;
  /** The candidate that leads now; its key goes in the same transaction. */
  readonly leaderId: string;
}

/** What the owner key has while it is of one term. */
export function termGuard(keys: ElectionKeys, term: number): Compare {
  return { key: keys.leader, target: 'mod', operator: '=', operand: term };
}

/** The operations that end a leadership, its candidate included. */
export function resignation(keys: ElectionKeys, leaderId: string): readonly TxnOperation[] {
  return [
    { kind: 'delete', key: keys.leader },
    { kind: 'delete', key: keys.term },
    { kind: 'delete', key: keys.candidates + leaderId },
  ];
}

/**
 * The transaction that moves the owner key onto the lease of a candidate, without a moment in which
 * it is absent. It names the candidate's create revision, so one that has died since it was seen is
 * refused. Writing the candidate's key, as it is, wakes the candidate and nobody else.
 */
export function moveRequest(
  store: Store,
  { keys, term, target, targetId, leaderId }: Move,
  otherwise: readonly TxnOperation[],
): TxnRequest {
  const { lease } = target;
  const key = keys.candidates + targetId;
  const { createRevision } = target;
  const note = encodeTerm(targetId, store.clock.wall());
  return {
    compare: [
      termGuard(keys, term),
      { key, target: 'create', operator: '=', operand: createRevision },
    ],
    success: [
      { kind: 'put', key: keys.leader, value: targetId, lease },
      { kind: 'put', key: keys.term, value: note, lease },
      { kind: 'put', key, ignoreValue: true, ignoreLease: true },
      { kind: 'delete', key: keys.candidates + leaderId },
    ],
    failure: [{ kind: 'range', key: keys.leader }, ...otherwise],
  };
}

/** The candidate as it stands now; undefined when there is none of that id. */
export async function readCandidate(
  store: Store,
  scope: CancelScope,
  keys: ElectionKeys,
  id: string,
): Promise<KeyValue | undefined> {
  const key = keys.candidates + id;
  const read = await scope.retry(() => store.range({ key }, { signal: scope.signal }));
  return read.kvs[0];
}

/**
 * Moves a leadership that somebody else has. The leader is not asked: it learns of it afterwards.
 * A change of leader meanwhile, other than to the target, is followed.
 */
export async function moveByForce(
  store: Store,
  scope: CancelScope,
  keys: ElectionKeys,
  targetId: string,
): Promise<TransferResult> {
  for (;;) {
    const read: TxnRequest = {
      success: [
        { kind: 'range', key: keys.leader },
        { kind: 'range', key: keys.candidates + targetId },
      ],
    };
    const { responses } = await scope.retry(() => store.txn(read, { signal: scope.signal }));
    const owner = rangeOf(responses[0])?.[0];
    const target = rangeOf(responses[1])?.[0];
    if (owner !== undefined && toText(owner.value) === targetId) {
      return { outcome: 'transferred', term: owner.modRevision };
    }
    if (owner === undefined || target === undefined) return { outcome: 'refused' };
    const leaderId = toText(owner.value);
    const move = { keys, term: owner.modRevision, target, targetId, leaderId };
    const request = moveRequest(store, move, []);
    try {
      const moved = await scope.retry(() => store.txn(request, { signal: scope.signal }));
      if (moved.succeeded) return { outcome: 'transferred', term: moved.header.revision };
    } catch (error) {
      // The candidate's lease ended in this moment; its key is about to go, and the look will tell.
      if (!isLeaseGone(error)) throw error;
      await scope.pause(1);
    }
  }
}

/** Whether a write failed because the lease that it names is gone. */
export function isLeaseGone(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return isStoreError(error, 'LeaseNotFound') || isStoreError(cause, 'LeaseNotFound');
}
