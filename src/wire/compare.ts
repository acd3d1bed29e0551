import { type Compare, type CompareOperator, EMPTY_BYTES, StoreError } from '../store/index.js';
import type { WireReader } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

/**
 * One condition of a transaction. On the wire the operand is a oneof that need not match the
 * target: then the condition is against zero or no bytes, as etcd has it. An operator or target
 * that does not exist holds in etcd; here it is a fault, which the caller of `readCompare` reports
 * in its turn.
 */
const OPERATORS: readonly CompareOperator[] = ['=', '>', '<', '!='];
const TARGETS: readonly Compare['target'][] = ['version', 'create', 'mod', 'value', 'lease'];

/** Field of the operand that belongs to a target. */
const OPERAND_FIELD = { version: 4, create: 5, mod: 6, value: 7, lease: 8 } as const;

export function writeCompare(out: WireWriter, field: number, compare: Compare): void {
  const mark = out.length;
  out.bytes(64, compare.rangeEnd);
  if (compare.target === 'value') out.bytesAlways(OPERAND_FIELD.value, compare.operand);
  else if (compare.target === 'lease') out.bigint64Always(OPERAND_FIELD.lease, compare.operand);
  else out.int64Always(OPERAND_FIELD[compare.target], compare.operand);
  out.bytes(3, compare.key);
  out.int64(2, enumNumber(TARGETS, compare.target));
  out.int64(1, enumNumber(OPERATORS, compare.operator));
  out.wrap(field, mark);
}

function enumNumber<T extends string>(values: readonly T[], value: T): number {
  const index = values.indexOf(value);
  if (index < 0) throw new StoreError('InvalidArgument', `"${value}" is nothing to compare by`);
  return index;
}

export interface DecodedCompare {
  readonly compare: Compare;
  /** What is wrong with it, for a person; undefined when nothing is. */
  readonly fault: string | undefined;
}

export function readCompare(reader: WireReader): DecodedCompare {
  let result = 0;
  let targetNumber = 0;
  let key: Uint8Array = EMPTY_BYTES;
  let rangeEnd: Uint8Array = EMPTY_BYTES;
  let operandField = 0;
  let number = 0;
  let lease = 0n;
  let value: Uint8Array = EMPTY_BYTES;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) result = reader.int64(result);
    else if (field === 2) targetNumber = reader.int64(targetNumber);
    else if (field === 3) key = reader.bytes(key);
    else if (field === 64) rangeEnd = reader.bytes(rangeEnd);
    else if (field >= 4 && field <= 8) {
      operandField = field;
      if (field === 7) value = reader.bytes(value);
      else if (field === 8) lease = reader.bigint64(lease);
      else number = reader.int64(number);
    } else reader.skip();
  }
  const known = OPERATORS[result];
  const target = TARGETS[targetNumber];
  const fault = faultOf(result, known, targetNumber, target);
  const operator = known ?? '=';
  const matches = target !== undefined && OPERAND_FIELD[target] === operandField;
  if (target === 'value') {
    const operand = matches ? value : EMPTY_BYTES;
    return { compare: { key, rangeEnd, operator, target, operand }, fault };
  }
  if (target === 'lease') {
    const operand = matches ? lease : 0n;
    return { compare: { key, rangeEnd, operator, target, operand }, fault };
  }
  const operand = matches ? number : 0;
  return { compare: { key, rangeEnd, operator, target: target ?? 'version', operand }, fault };
}

function faultOf(
  result: number,
  operator: CompareOperator | undefined,
  targetNumber: number,
  target: Compare['target'] | undefined,
): string | undefined {
  if (operator === undefined) return `compare result ${result} does not exist (0 to 3 do)`;
  if (target === undefined) return `compare target ${targetNumber} does not exist (0 to 4 do)`;
  return undefined;
}
