import type {
  Compare,
  CompareOperator,
  DeleteRequest,
  PutRequest,
  RangeRequest,
  SortOrder,
  SortTarget,
  TxnOperation,
  TxnRequest,
} from '../../store/index.js';
import { LIMITS } from '../../store/index.js';
import { type ByteReader, type ByteWriter, CodecError } from './bytes.js';
import type { AlarmType, Command, LeaseCheckpoint, LeaseRef, MemberRecord } from './command.js';

/**
 * Commands as bytes of a log entry. Decoding an encoded command gives one with the same outcome;
 * text has become bytes and absent fields have become their defaults. What no encoder writes is
 * refused, so that every member refuses it alike.
 */

const COMMAND_KINDS = [
  'put',
  'delete',
  'txn',
  'compact',
  'leaseGrant',
  'leaseRevoke',
  'leaseExpire',
  'alarm',
  'memberPublish',
  'memberUpdate',
  'leaseCheckpoint',
] as const satisfies readonly Command['kind'][];

const OPERATION_KINDS = [
  'range',
  'put',
  'delete',
  'txn',
] as const satisfies readonly TxnOperation['kind'][];

const TARGETS = [
  'version',
  'create',
  'mod',
  'value',
  'lease',
] as const satisfies readonly Compare['target'][];
const OPERATORS = ['=', '>', '<', '!='] as const satisfies readonly CompareOperator[];
const SORT_TARGETS = [
  'key',
  'version',
  'create',
  'mod',
  'value',
] as const satisfies readonly SortTarget[];
const SORT_ORDERS = ['none', 'ascend', 'descend'] as const satisfies readonly SortOrder[];
const ALARMS = ['nospace', 'corrupt'] as const satisfies readonly AlarmType[];
const ALARM_ACTIONS = ['activate', 'deactivate'] as const;

function writeChoice<T extends string>(writer: ByteWriter, choices: readonly T[], value: T): void {
  const at = choices.indexOf(value);
  if (at < 0) throw new CodecError(`${value} is not one of ${choices.join(', ')}`);
  writer.u8(at);
}

function readChoice<T extends string>(reader: ByteReader, choices: readonly T[]): T {
  const at = reader.u8();
  const choice = choices[at];
  if (choice === undefined) throw new CodecError(`${at} names none of ${choices.join(', ')}`);
  return choice;
}

function writeList<T>(
  writer: ByteWriter,
  items: readonly T[] | undefined,
  write: (writer: ByteWriter, item: T) => void,
): void {
  writer.varint(items?.length ?? 0);
  for (const item of items ?? []) write(writer, item);
}

function readList<T>(reader: ByteReader, read: (reader: ByteReader) => T): readonly T[] {
  const length = reader.varint();
  if (length > reader.remaining) throw new CodecError(`a list of ${length} does not fit`);
  const items: T[] = [];
  for (let at = 0; at < length; at++) items.push(read(reader));
  return items;
}

/** @throws CodecError for an id beyond 64 bits, which must not come back as another one */
function writeId(writer: ByteWriter, id: bigint): void {
  if (BigInt.asIntN(64, id) !== id) throw new CodecError(`id ${id} has more than 64 bits`);
  writer.u64(id);
}

const PUT_PREV_KV = 1;
const PUT_IGNORE_VALUE = 2;
const PUT_IGNORE_LEASE = 4;
const PUT_HAS_LEASE = 8;

function writePut(writer: ByteWriter, request: PutRequest): void {
  const lease = request.lease ?? 0n;
  writer.u8(
    (request.prevKv === true ? PUT_PREV_KV : 0) |
      (request.ignoreValue === true ? PUT_IGNORE_VALUE : 0) |
      (request.ignoreLease === true ? PUT_IGNORE_LEASE : 0) |
      (lease === 0n ? 0 : PUT_HAS_LEASE),
  );
  writer.input(request.key).input(request.value);
  if (lease !== 0n) writeId(writer, lease);
}

function readPut(reader: ByteReader): { readonly kind: 'put' } & PutRequest {
  const flags = reader.u8();
  const key = reader.bytes();
  const value = reader.bytes();
  return {
    kind: 'put',
    key,
    value,
    lease: (flags & PUT_HAS_LEASE) === 0 ? 0n : reader.i64(),
    prevKv: (flags & PUT_PREV_KV) !== 0,
    ignoreValue: (flags & PUT_IGNORE_VALUE) !== 0,
    ignoreLease: (flags & PUT_IGNORE_LEASE) !== 0,
  };
}

function writeDelete(writer: ByteWriter, request: DeleteRequest): void {
  writer
    .input(request.key)
    .input(request.rangeEnd)
    .bool(request.prevKv === true);
}

function readDelete(reader: ByteReader): { readonly kind: 'delete' } & DeleteRequest {
  const key = reader.bytes();
  const rangeEnd = reader.bytes();
  return { kind: 'delete', key, rangeEnd, prevKv: reader.bool() };
}

/** Beyond it every limit and revision means the same, and `signed` needs one bit for the sign. */
const MAGNITUDE_MAX = 2 ** 51;

/** @throws CodecError for what is not a whole number */
function bounded(value: number): number {
  if (!Number.isInteger(value)) throw new CodecError(`${value} is not a whole number`);
  return Math.max(-MAGNITUDE_MAX, Math.min(MAGNITUDE_MAX, value));
}

function writeCount(writer: ByteWriter, value: number | undefined): void {
  writer.signed(bounded(value ?? 0));
}

const RANGE_SERIALIZABLE = 1;
const RANGE_KEYS_ONLY = 2;
const RANGE_COUNT_ONLY = 4;

function writeRange(writer: ByteWriter, request: RangeRequest): void {
  writer.input(request.key).input(request.rangeEnd);
  writeCount(writer, request.limit);
  writeCount(writer, request.revision);
  writeChoice(writer, SORT_TARGETS, request.sortTarget ?? 'key');
  writeChoice(writer, SORT_ORDERS, request.sortOrder ?? 'none');
  writer.u8(
    (request.serializable === true ? RANGE_SERIALIZABLE : 0) |
      (request.keysOnly === true ? RANGE_KEYS_ONLY : 0) |
      (request.countOnly === true ? RANGE_COUNT_ONLY : 0),
  );
  writeCount(writer, request.minModRevision);
  writeCount(writer, request.maxModRevision);
  writeCount(writer, request.minCreateRevision);
  writeCount(writer, request.maxCreateRevision);
}

function readRange(reader: ByteReader): { readonly kind: 'range' } & RangeRequest {
  const key = reader.bytes();
  const rangeEnd = reader.bytes();
  const limit = reader.signed();
  const revision = reader.signed();
  const sortTarget = readChoice(reader, SORT_TARGETS);
  const sortOrder = readChoice(reader, SORT_ORDERS);
  const flags = reader.u8();
  return {
    kind: 'range',
    key,
    rangeEnd,
    limit,
    revision,
    sortTarget,
    sortOrder,
    serializable: (flags & RANGE_SERIALIZABLE) !== 0,
    keysOnly: (flags & RANGE_KEYS_ONLY) !== 0,
    countOnly: (flags & RANGE_COUNT_ONLY) !== 0,
    minModRevision: reader.signed(),
    maxModRevision: reader.signed(),
    minCreateRevision: reader.signed(),
    maxCreateRevision: reader.signed(),
  };
}

function writeCompare(writer: ByteWriter, compare: Compare): void {
  writer.input(compare.key).input(compare.rangeEnd);
  writeChoice(writer, OPERATORS, compare.operator);
  writeChoice(writer, TARGETS, compare.target);
  if (compare.target === 'value') writer.input(compare.operand);
  else if (compare.target === 'lease') writeId(writer, compare.operand);
  else writer.u64(BigInt(bounded(compare.operand)));
}

function readCompare(reader: ByteReader): Compare {
  const key = reader.bytes();
  const rangeEnd = reader.bytes();
  const operator = readChoice(reader, OPERATORS);
  const target = readChoice(reader, TARGETS);
  if (target === 'value') return { key, rangeEnd, operator, target, operand: reader.bytes() };
  const operand = reader.i64();
  if (target === 'lease') return { key, rangeEnd, operator, target, operand };
  return { key, rangeEnd, operator, target, operand: Number(operand) };
}

function writeOperation(writer: ByteWriter, operation: TxnOperation): void {
  writeChoice(writer, OPERATION_KINDS, operation.kind);
  switch (operation.kind) {
    case 'range':
      return writeRange(writer, operation);
    case 'put':
      return writePut(writer, operation);
    case 'delete':
      return writeDelete(writer, operation);
    case 'txn':
      return writeTxn(writer, operation);
  }
}

function readOperation(reader: ByteReader, depth: number): TxnOperation {
  const kind = readChoice(reader, OPERATION_KINDS);
  switch (kind) {
    case 'range':
      return readRange(reader);
    case 'put':
      return readPut(reader);
    case 'delete':
      return readDelete(reader);
    case 'txn':
      return readTxn(reader, depth + 1);
  }
}

function writeTxn(writer: ByteWriter, request: TxnRequest): void {
  writeList(writer, request.compare, writeCompare);
  writeList(writer, request.success, writeOperation);
  writeList(writer, request.failure, writeOperation);
}

function readTxn(reader: ByteReader, depth: number): { readonly kind: 'txn' } & TxnRequest {
  if (depth > LIMITS.txnDepth) throw new CodecError(`transactions nested over ${LIMITS.txnDepth}`);
  const compare = readList(reader, readCompare);
  const success = readOperations(reader, depth);
  return { kind: 'txn', compare, success, failure: readOperations(reader, depth) };
}

function readOperations(reader: ByteReader, depth: number): readonly TxnOperation[] {
  return readList(reader, (inner) => readOperation(inner, depth));
}

/** Appends a member, as rows and commands hold it. */
export function writeMember(writer: ByteWriter, member: MemberRecord): void {
  writer.u64(member.id).input(member.name);
  writeList(writer, member.peerUrls, writeText);
  writeList(writer, member.clientUrls, writeText);
  writer.bool(member.isLearner);
}

function writeText(writer: ByteWriter, value: string): void {
  writer.input(value);
}

function readText(reader: ByteReader): string {
  return new TextDecoder().decode(reader.bytes());
}

/** @throws CodecError on anything but what {@link writeMember} wrote */
export function readMember(reader: ByteReader): MemberRecord {
  return {
    id: reader.u64(),
    name: readText(reader),
    peerUrls: readList(reader, readText),
    clientUrls: readList(reader, readText),
    isLearner: reader.bool(),
  };
}

function writeLeaseRef(writer: ByteWriter, lease: LeaseRef): void {
  writer.u64(lease.id).varint(lease.grantIndex);
}

function readLeaseRef(reader: ByteReader): LeaseRef {
  return { id: reader.i64(), grantIndex: reader.varint() };
}

function writeCheckpoint(writer: ByteWriter, item: LeaseCheckpoint): void {
  writeLeaseRef(writer, item);
  writer.varint(item.remainingTtlSeconds);
}

function readCheckpoint(reader: ByteReader): LeaseCheckpoint {
  return { ...readLeaseRef(reader), remainingTtlSeconds: reader.varint() };
}

/** Appends one command. */
export function writeCommand(writer: ByteWriter, command: Command): void {
  writeChoice(writer, COMMAND_KINDS, command.kind);
  switch (command.kind) {
    case 'put':
      return writePut(writer, command);
    case 'delete':
      return writeDelete(writer, command);
    case 'txn':
      return writeTxn(writer, command);
    case 'compact':
      writeCount(writer, command.revision);
      return void writer.bool(command.physical === true);
    case 'leaseGrant':
      writeId(writer, command.id);
      return void writer.varint(command.ttlSeconds);
    case 'leaseRevoke':
      return writeId(writer, command.id);
    case 'leaseExpire':
      writer.varint(command.term);
      return writeList(writer, command.leases, writeLeaseRef);
    case 'leaseCheckpoint':
      writer.varint(command.term);
      return writeList(writer, command.items, writeCheckpoint);
    case 'alarm':
      writeChoice(writer, ALARM_ACTIONS, command.action);
      writeChoice(writer, ALARMS, command.alarm);
      return void writer.u64(command.memberId);
    case 'memberPublish':
      writeMember(writer, command.member);
      return void writer.u64(command.directoryNonce);
    case 'memberUpdate':
      writer.u64(command.id);
      return writeList(writer, command.peerUrls, writeText);
  }
}

/**
 * Reads one command.
 * @throws CodecError on anything that {@link writeCommand} does not write
 */
export function readCommand(reader: ByteReader): Command {
  const kind = readChoice(reader, COMMAND_KINDS);
  switch (kind) {
    case 'put':
      return readPut(reader);
    case 'delete':
      return readDelete(reader);
    case 'txn':
      return readTxn(reader, 0);
    case 'compact':
      return { kind, revision: reader.signed(), physical: reader.bool() };
    case 'leaseGrant':
      return { kind, id: reader.i64(), ttlSeconds: reader.varint() };
    case 'leaseRevoke':
      return { kind, id: reader.i64() };
    case 'leaseExpire':
      return { kind, term: reader.varint(), leases: readList(reader, readLeaseRef) };
    case 'leaseCheckpoint':
      return { kind, term: reader.varint(), items: readList(reader, readCheckpoint) };
    case 'alarm': {
      const action = readChoice(reader, ALARM_ACTIONS);
      const alarm = readChoice(reader, ALARMS);
      return { kind, action, alarm, memberId: reader.u64() };
    }
    case 'memberPublish':
      return { kind, member: readMember(reader), directoryNonce: reader.u64() };
    case 'memberUpdate':
      return { kind, id: reader.u64(), peerUrls: readList(reader, readText) };
  }
}
