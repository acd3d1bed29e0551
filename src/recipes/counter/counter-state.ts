import { type KeyValue, toText } from '../../store/index.js';
import { parseObject } from '../base/note.js';
import { CoordinationError } from '../errors.js';

/** Operations that a counter remembers, so that one that is sent again counts once. */
export const OPERATIONS_MAX = 64;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const DECIMAL = /^-?\d{1,19}$/;

/** An operation with the value that the counter had after it. */
export interface CountedOperation {
  readonly id: string;
  readonly value: bigint;
}

/** What a counter's key holds. */
export interface CounterState {
  readonly value: bigint;
  /** The last ones, the oldest first. */
  readonly operations: readonly CountedOperation[];
}

/**
 * Reads a counter; one that does not exist is zero, and plain decimal text is a value without
 * memory.
 * @throws CoordinationError `InvalidArgument` for anything else
 */
export function decodeCounter(key: string, kv: KeyValue | undefined): CounterState {
  if (kv === undefined) return { value: 0n, operations: [] };
  const text = toText(kv.value);
  if (DECIMAL.test(text)) return { value: inInt64(key, BigInt(text)), operations: [] };
  const { value, operations } = parseObject(text);
  if (typeof value !== 'string' || !DECIMAL.test(value)) {
    throw new CoordinationError('InvalidArgument', `${key} holds no counter`);
  }
  const known = Array.isArray(operations) ? operations.flatMap(toOperation) : [];
  return { value: inInt64(key, BigInt(value)), operations: known };
}

export function encodeCounter({ value, operations }: CounterState): string {
  const kept = operations.slice(-OPERATIONS_MAX);
  return JSON.stringify({
    value: String(value),
    operations: kept.map((operation) => [operation.id, String(operation.value)]),
  });
}

/** @throws CoordinationError `InvalidArgument` when the value does not fit into 64 bits */
export function inInt64(what: string, value: bigint): bigint {
  if (value >= INT64_MIN && value <= INT64_MAX) return value;
  throw new CoordinationError('InvalidArgument', `${what} would leave 64 bits: ${value}`);
}

function toOperation(entry: unknown): readonly CountedOperation[] {
  if (!Array.isArray(entry)) return [];
  const [id, value] = entry as readonly unknown[];
  const isWell = typeof id === 'string' && typeof value === 'string' && DECIMAL.test(value);
  return isWell ? [{ id, value: BigInt(value) }] : [];
}
