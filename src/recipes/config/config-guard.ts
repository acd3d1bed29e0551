import { type Compare, prefix, toBytes } from '../../store/index.js';
import { CoordinationError } from '../errors.js';
import type { Accepted } from './config-accepted.js';

/** Keys that a guard can name: a transaction takes 128 comparisons, and others want some too. */
const KEYS_MAX = 100;

/**
 * Comparisons that hold as long as the keys under the prefixes are those that the value in force
 * was made of: each key as it was, and nothing written since. The first alone would miss a key that
 * is new, the second alone one that was deleted.
 * @throws CoordinationError `NoValue`, `Unavailable`, `InvalidArgument`; see `Config.guard`
 */
export function guardOf(
  name: string,
  prefixTexts: readonly string[],
  accepted: Accepted<unknown> | undefined,
): readonly Compare[] {
  if (accepted === undefined) {
    throw new CoordinationError('NoValue', `configuration "${name}" has no valid value to guard`);
  }
  const { state, origin, revision } = accepted;
  if (origin === 'cache') {
    const message = `configuration "${name}" is from the cache; the store has not confirmed it`;
    throw new CoordinationError('Unavailable', message);
  }
  if (state === undefined) {
    return prefixTexts.map((text) => {
      return { ...prefix(text), target: 'create', operator: '=', operand: 0 };
    });
  }
  const keys = state.parts.flatMap(({ prefix: text, entries }) =>
    [...entries].map(([rest, kv]): Compare => {
      const operand = kv.modRevision;
      return { key: toBytes(text + rest), target: 'mod', operator: '=', operand };
    }),
  );
  if (keys.length > KEYS_MAX) {
    const message = `configuration "${name}" has ${keys.length} keys, and a guard can name ${KEYS_MAX} at most`;
    throw new CoordinationError('InvalidArgument', message);
  }
  const nothingNew = prefixTexts.map((text): Compare => {
    return { ...prefix(text), target: 'mod', operator: '<', operand: revision + 1 };
  });
  return [...nothingNew, ...keys];
}
