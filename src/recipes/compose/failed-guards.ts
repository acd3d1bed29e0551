import {
  type Compare,
  compareBytes,
  type KeyValue,
  toBytes,
  toText,
  type TxnOperation,
  type TxnOperationResult,
} from '../../store/index.js';
import type { LossCause } from '../errors.js';

/** A condition of a transaction that does not hold. */
export interface FailedGuard {
  readonly compare: Compare;
  /** The key that stands against it; of a range the first one. */
  readonly key: string;
  readonly loss: LossCause;
}

/** Of a range, so many keys are looked at to tell which one fails. */
const RANGE_KEYS = 16;

/**
 * Reads what the conditions look at, to learn in the branch that runs when one fails which one it
 * was. It owns no judgement: the store has judged before, at the same revision.
 */
export function guardReads(compares: readonly Compare[]): readonly TxnOperation[] {
  return compares.map(({ key, rangeEnd, target }) => ({
    kind: 'range',
    key,
    ...(rangeEnd === undefined ? {} : { rangeEnd }),
    limit: RANGE_KEYS,
    keysOnly: target !== 'value',
  }));
}

/** The conditions that what was read for them does not satisfy. */
export function failedGuards(
  compares: readonly Compare[],
  responses: readonly TxnOperationResult[],
): readonly FailedGuard[] {
  return compares.flatMap((compare, place): readonly FailedGuard[] => {
    const response = responses[place];
    const found = response?.kind === 'range' ? response.kvs : [];
    const own = toText(toBytes(compare.key));
    if (found.length === 0) {
      if (compare.target !== 'value' && holds(undefined, compare)) return [];
      return [{ compare, key: own, loss: { kind: 'deleted', key: own } }];
    }
    const wrong = found.find((kv) => !holds(kv, compare));
    if (wrong === undefined) return [];
    const key = toText(wrong.key);
    return [{ compare, key, loss: { kind: 'replaced', key } }];
  });
}

function holds(kv: KeyValue | undefined, compare: Compare): boolean {
  const order = compareTo(kv, compare);
  switch (compare.operator) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '>':
      return order > 0;
    case '<':
      return order < 0;
  }
}

/** How the pair, or none, compares with the operand: negative, zero or positive. */
function compareTo(kv: KeyValue | undefined, compare: Compare): number {
  switch (compare.target) {
    case 'version':
      return (kv?.version ?? 0) - compare.operand;
    case 'create':
      return (kv?.createRevision ?? 0) - compare.operand;
    case 'mod':
      return (kv?.modRevision ?? 0) - compare.operand;
    case 'lease':
      return Number((kv?.lease ?? 0n) - compare.operand);
    case 'value':
      return compareBytes(kv?.value ?? toBytes(''), toBytes(compare.operand));
  }
}
