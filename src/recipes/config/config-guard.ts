import { type Compare, compareBytes, type KeyRange, prefix, toBytes } from '../../store/index.js';
import { CoordinationError } from '../errors.js';
import type { Accepted } from './config-accepted.js';
import { type ConfigPart, type ConfigState, isEmptyState, sameState } from './config-source.js';

/**
 * Comparisons that a guard is made of at most: a transaction takes 128, and others want some too.
 */
const COMPARES_MAX = 100;

/**
 * Comparisons that hold as long as the keys under the prefixes are those that the value in force
 * was made of: each key as it was, and nothing written since. The first alone would miss a key that
 * is new, the second alone one that was deleted. What is kept beside nested configurations is left
 * out of the ranges, and what was not known of it yet counts until it has been heard of.
 * @param seen - What the store was heard to have last.
 * @throws CoordinationError `NoValue`, `Unavailable`, `InvalidArgument`; see `Config.guard`
 */
export function guardOf(
  name: string,
  prefixTexts: readonly string[],
  accepted: Accepted<unknown> | undefined,
  seen: ConfigState | undefined,
): readonly Compare[] {
  if (accepted === undefined) {
    throw new CoordinationError('NoValue', `configuration "${name}" has no valid value to guard`);
  }
  if (accepted.origin === 'cache') {
    const message = `configuration "${name}" is from the cache; the store has not confirmed it`;
    throw new CoordinationError('Unavailable', message);
  }
  const state = newestOf(accepted.state, seen);
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
  if (keys.length > COMPARES_MAX) {
    const message = `configuration "${name}" has ${keys.length} keys, and a guard can name ${COMPARES_MAX} at most`;
    throw new CoordinationError('InvalidArgument', message);
  }
  const own = state.parts.flatMap(ownRanges);
  const isTooMuch = own.length + keys.length > COMPARES_MAX;
  const ranges = isTooMuch ? prefixTexts.map((text) => prefix(text)) : own;
  const operand = state.revision + 1;
  const nothingNew = ranges.map((range): Compare => {
    return { ...range, target: 'mod', operator: '<', operand };
  });
  return [...nothingNew, ...keys];
}

/**
 * The keys of the value in force as they were seen last: then nothing but they had been written.
 * Undefined for a default, unless the store was seen to have no key.
 */
function newestOf(
  state: ConfigState | undefined,
  seen: ConfigState | undefined,
): ConfigState | undefined {
  if (seen === undefined) return state;
  const isSame = state === undefined ? isEmptyState(seen) : sameState(state, seen);
  return isSame ? seen : state;
}

/** The ranges of a prefix that are left when those of nested configurations are taken out. */
function ownRanges({ prefix: text, sides = [] }: ConfigPart): readonly KeyRange[] {
  const { key, rangeEnd } = prefix(text);
  const ranges: KeyRange[] = [];
  let start = toBytes(key);
  const holes = sides.map((side) => prefix(text + side));
  for (const hole of holes.toSorted((a, b) => compareBytes(toBytes(a.key), toBytes(b.key)))) {
    const end = toBytes(hole.key);
    if (compareBytes(start, end) < 0) ranges.push({ key: start, rangeEnd: end });
    start = toBytes(hole.rangeEnd ?? end);
  }
  return [...ranges, { key: start, ...(rangeEnd === undefined ? {} : { rangeEnd }) }];
}
