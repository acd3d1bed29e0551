import type { TxnOperation } from '../../store/index.js';
import { decodeBroken, encodeBroken } from '../base/broken-note.js';
import type { CancelScope, WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { rangeOf } from '../base/queue-place.js';
import { CoordinationError } from '../errors.js';

/** Who breaks a lock, and why. */
export interface BreakOptions extends WaitOptions {
  /** Who does it; the holder and everybody who lists the lock can read it. */
  readonly by: string;
  readonly reason: string;
}

/** An entry that is to go. */
export interface BreakTerms {
  readonly key: string;
  readonly createRevision: number;
  readonly brokenKey: string;
  /** The operations that remove the entry, its own key first. */
  readonly removal: readonly TxnOperation[];
}

/**
 * Removes one entry of a queue, whoever it belongs to, and leaves a note of who did it in the same
 * revision. It touches that one entry or nothing. False: it was gone already.
 * @throws CoordinationError `InvalidArgument` without `by` or `reason`
 */
export async function breakEntry(
  context: RecipeContext,
  scope: CancelScope,
  terms: BreakTerms,
  options: BreakOptions,
): Promise<boolean> {
  const { key, createRevision, brokenKey, removal } = terms;
  const { by, reason } = options;
  const { store } = context;
  checkBreak(options);
  const nonce = store.random.hex(8);
  const note = { key, by, reason, sinceMs: store.clock.wall(), nonce };
  const result = await scope.retry(() =>
    store.txn({
      compare: [{ key, target: 'create', operator: '=', operand: createRevision }],
      success: [...removal, { kind: 'put', key: brokenKey, value: encodeBroken(note) }],
      failure: [{ kind: 'range', key: brokenKey }],
    }),
  );
  if (result.succeeded) return true;
  // After a lost answer the entry is gone because the first try succeeded.
  return decodeBroken(rangeOf(result.responses[0])?.[0]?.value)?.nonce === nonce;
}

/** @throws CoordinationError `InvalidArgument` */
export function checkBreak({ by, reason }: BreakOptions): void {
  if (by !== '' && reason !== '') return;
  const message = 'breaking a lock needs to say by whom and for what reason';
  throw new CoordinationError('InvalidArgument', message);
}
