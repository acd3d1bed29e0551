import type { LossCause } from '../errors.js';
import { decodeBroken } from './broken-note.js';
import { CancelScope } from './cancel-scope.js';
import type { RecipeContext } from './context.js';
import type { Ending } from './ending.js';
import type { Session } from './session.js';
import { TIMING } from './timing.js';

/** A key that is not there any more. */
export interface GoneKey {
  readonly key: string;
  /** Where an administrator would have left a note; undefined where nobody breaks anything. */
  readonly brokenKey: string | undefined;
}

/**
 * Why a key of the session is gone: broken by an administrator, gone with its lease, or deleted by
 * somebody. It asks once, for a bounded time, and without an answer says `deleted`, which is all
 * that is certain. A session whose lease turns out to be gone is told so.
 */
export async function whyGone(
  context: RecipeContext,
  session: Session,
  gone: GoneKey,
  ...parents: readonly Ending[]
): Promise<LossCause> {
  const { key, brokenKey } = gone;
  const { store, closed } = context;
  using scope = new CancelScope(store, { timeoutMs: TIMING.inquiryMs }, closed, ...parents);
  const readNote = async (): Promise<Uint8Array | undefined> => {
    if (brokenKey === undefined) return undefined;
    const read = await store.range({ key: brokenKey }, { signal: scope.signal });
    return read.kvs[0]?.value;
  };
  const asked = Promise.all([readNote(), session.verify()]);
  // Whoever cannot be asked knows nothing more than what is certain already.
  const answers = await scope.race(asked).catch(() => undefined);
  const note = decodeBroken(answers?.[0]);
  if (note?.key === key) return { kind: 'broken', key, by: note.by, reason: note.reason };
  const { state } = session;
  return state.kind === 'lost' ? state.loss : { kind: 'deleted', key };
}
