import { prefix, type Store, toText, type TxnOperation } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { RecipeView } from '../base/recipe-view.js';
import { isEmptyState, partOf, stateId } from './config-source.js';
import { bookOf, failuresOf, marksOf, type RolloutFailure } from './rollout-marks.js';
import { rolloutPrefix } from './side-keys.js';

/** How far the configuration that is in the store has been rolled out, at one revision. */
export interface RolloutStatus {
  readonly revision: number;
  /** Names the keys that are in the store; see `Config.stateId`. */
  readonly stateId: string;
  /** The instances that have applied it and were healthy. */
  readonly done: readonly string[];
  /** The instances that are at it. */
  readonly trying: readonly string[];
  /** The instances that count against the failure budget. */
  readonly failures: readonly RolloutFailure[];
}

/** The progress of a rollout, and each change of it. */
export function rolloutView(
  context: RecipeContext,
  configPrefix: string,
): RecipeView<RolloutStatus> {
  return new RecipeView<RolloutStatus>(context, {
    prefixes: [configPrefix, rolloutPrefix(configPrefix)],
    derive: ([config, notes]) => {
      const state = { revision: config.revision, parts: [partOf(configPrefix, config)] };
      const id = isEmptyState(state) ? '' : stateId(state);
      const book = bookOf(notes?.entries ?? new Map());
      const failures = failuresOf(book, id);
      const failed = new Set(failures.map(({ instance }) => instance));
      const named = (kind: 'done' | 'trying'): readonly string[] =>
        [...marksOf(book, kind, id).keys()].filter((instance) => !failed.has(instance));
      const { revision } = config;
      return { revision, stateId: id, done: named('done'), trying: named('trying'), failures };
    },
  });
}

/** Notes that are deleted in one transaction, each with its comparison. */
const CLEARED_AT_ONCE = 60;

/**
 * Deletes the notes of failures, each if it is still the one that was read, so that a failure that
 * comes meanwhile stays. Answers how many there were.
 */
export async function clearFailures(
  context: RecipeContext,
  configPrefix: string,
  options: WaitOptions,
): Promise<number> {
  const { store } = context;
  using scope = new CancelScope(store, options, context.closed);
  const read = await scope.retry(() =>
    store.range(prefix(rolloutPrefix(configPrefix)), { signal: scope.signal }),
  );
  const rest = (key: Uint8Array): string => toText(key).slice(rolloutPrefix(configPrefix).length);
  const names = new Set(read.kvs.map(({ key }) => rest(key)));
  const isFailure = (name: string): boolean =>
    name.startsWith('failed/') ||
    name.startsWith('refused/') ||
    (name.startsWith('trying/') && !names.has(name.replace('trying/', 'live/')));
  const found = read.kvs.filter(({ key }) => isFailure(rest(key)));
  for (let at = 0; at < found.length; at += CLEARED_AT_ONCE) {
    const few = found.slice(at, at + CLEARED_AT_ONCE);
    await scope.retry(() => deleteUnchanged(store, few));
  }
  return found.length;
}

/** Each on its own condition: one that changed does not keep the others. */
function deleteUnchanged(
  store: Store,
  few: readonly { readonly key: Uint8Array; readonly modRevision: number }[],
): Promise<unknown> {
  const success = few.map(({ key, modRevision }): TxnOperation => {
    const compare = [{ key, target: 'mod', operator: '=', operand: modRevision } as const];
    return { kind: 'txn', compare, success: [{ kind: 'delete', key }] };
  });
  return store.txn({ success });
}
