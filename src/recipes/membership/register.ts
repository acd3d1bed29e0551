import { type KeyValue, type TxnRequest, type TxnResult } from '../../store/index.js';
import type { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { rangeOf } from '../base/queue-place.js';
import type { Session } from '../base/session.js';
import { takeBack } from '../base/take-back.js';
import { nonceOf } from './members-view.js';

/** What to write where. */
export interface Registration {
  readonly key: string;
  /** Tells this registration from all others, of this process and of others. */
  readonly nonce: string;
  readonly value: string;
  /** Whether another's registration under the key is removed. */
  readonly replaces: boolean;
}

/** The registered pair's revision, or who is in the way. */
export type Registered =
  | {
      readonly ok: true;
      readonly incarnation: number;
      /** What to take back after leaving: a write whose answer was lost may still arrive. */
      readonly stray: TxnRequest | undefined;
    }
  | { readonly ok: false; readonly other: KeyValue };

/**
 * Writes a member's key, exactly once however often that has to be tried. A pair that the same
 * registration left under an earlier lease is removed first, and so is another's if that is wanted:
 * in a step of its own, so that the create revision tells the new member from the old one.
 */
export async function register(
  context: RecipeContext,
  session: Session,
  scope: CancelScope,
  { key, nonce, value, replaces }: Registration,
): Promise<Registered> {
  const { store } = context;
  const request: TxnRequest = {
    compare: [{ key, target: 'create', operator: '=', operand: 0 }],
    success: [{ kind: 'put', key, value, lease: session.lease }],
    failure: [{ kind: 'range', key }],
  };
  const undo: TxnRequest = {
    compare: [
      { key, target: 'value', operator: '=', operand: value },
      { key, target: 'lease', operator: '=', operand: session.lease },
    ],
    success: [{ kind: 'delete', key }],
  };
  let lastWrite: Promise<TxnResult> | undefined;
  let isUnsure = false;
  try {
    for (;;) {
      const result = await scope.retry((failures) => {
        isUnsure ||= failures > 0;
        lastWrite = session.attach(store.txn(request));
        return lastWrite;
      });
      const stray = isUnsure ? undo : undefined;
      if (result.succeeded) return { ok: true, incarnation: result.header.revision, stray };
      const other = rangeOf(result.responses[0])?.[0];
      if (other === undefined) continue;
      const isOwn = nonceOf(other) === nonce;
      if (isOwn && other.lease === session.lease) {
        return { ok: true, incarnation: other.createRevision, stray };
      }
      if (!isOwn && !replaces) {
        if (isUnsure) giveUp();
        return { ok: false, other };
      }
      await scope.retry(() => store.txn(removal(key, other)));
    }
  } catch (error) {
    giveUp();
    throw error;
  }

  /** What was sent may still arrive. */
  function giveUp(): void {
    if (lastWrite === undefined) return;
    takeBack(context, { session, lastWrite, isUnsure, undo });
  }
}

/** Removes exactly the pair that was seen. */
function removal(key: string, { modRevision }: KeyValue): TxnRequest {
  return {
    compare: [{ key, target: 'mod', operator: '=', operand: modRevision }],
    success: [{ kind: 'delete', key }],
  };
}
