import {
  type Compare,
  type CompareOperator,
  compareBytes,
  EMPTY_BYTES,
  type KeyValue,
  toBytes,
  toInterval,
} from '../../store/index.js';
import type { RangeSource } from './range-operation.js';

const MISSING: KeyValue = {
  key: EMPTY_BYTES,
  value: EMPTY_BYTES,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: 0n,
};

/** Whether a condition of a transaction holds in the state that `source` shows. */
export function holds(source: RangeSource, compare: Compare): boolean {
  const { kvs } = source.range(toInterval(compare), {
    revision: 0,
    limit: 0,
    countOnly: false,
    keysOnly: compare.target !== 'value',
  });
  if (kvs.length === 0) return compare.target !== 'value' && judge(MISSING, compare);
  return kvs.every((kv) => judge(kv, compare));
}

function judge(kv: KeyValue, compare: Compare): boolean {
  return decide(difference(kv, compare), compare.operator);
}

function difference(kv: KeyValue, compare: Compare): number {
  switch (compare.target) {
    case 'version':
      return kv.version - compare.operand;
    case 'create':
      return kv.createRevision - compare.operand;
    case 'mod':
      return kv.modRevision - compare.operand;
    case 'lease':
      return kv.lease === compare.operand ? 0 : kv.lease < compare.operand ? -1 : 1;
    case 'value':
      return compareBytes(kv.value, toBytes(compare.operand));
  }
}

function decide(order: number, operator: CompareOperator): boolean {
  switch (operator) {
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
