import type { StoreErrorCode } from '../../store/index.js';
import type { Births } from './births.js';
import type { Call, History, Operation } from './history.js';
import { keyText } from './key-text.js';
import type { KvModel } from './model.js';
import { operationName } from './operation-name.js';
import type { Report } from './report.js';
import { deletesOf, putsOf, rangesOf } from './request-facts.js';
import type { Timeline } from './timeline.js';

/**
 * `L1` for what was refused: a code that the request or the state decides must be the right one,
 * and what had to be refused must not be answered. Codes that tell of the server's condition prove
 * nothing.
 */
export function checkRefusals(
  history: History,
  model: KvModel,
  timeline: Timeline,
  births: Births,
  report: Report,
): void {
  for (const operation of history.operations) {
    const { outcome, call } = operation;
    const expected = outcome.kind === 'answered' ? faultOf(call) : undefined;
    if (outcome.kind === 'answered' && expected !== undefined) {
      const message = `${operationName(operation)} was answered and not refused with ${expected}`;
      report.add('L1', message, operation.returnedMs);
    } else if (outcome.kind === 'refused') {
      const isRight =
        FAULTS.has(outcome.code) || KINDS[outcome.code] !== undefined
          ? isPossible(operation, outcome.code)
          : true;
      const isKeyThere =
        outcome.code === 'KeyNotFound' && !isKeyMissing(operation, model, timeline, births);
      if (isRight && !isKeyThere) continue;
      const message = `${operationName(operation)} was refused with ${outcome.code} for no reason`;
      report.add('L1', message, operation.returnedMs);
    }
  }
}

/** Codes that follow from the request alone. */
const FAULTS: ReadonlySet<StoreErrorCode> = new Set(['EmptyKey', 'ValueProvided', 'LeaseProvided']);

/** Codes that only some calls can be refused with. */
const KINDS: Partial<Record<StoreErrorCode, readonly Call['kind'][]>> = {
  KeyNotFound: ['put', 'txn'],
  DuplicateKey: ['txn'],
  TooManyOps: ['txn'],
  LeaseExists: ['leaseGrant'],
  LeaseTtlTooLarge: ['leaseGrant'],
  LeaseNotFound: ['put', 'txn', 'leaseRevoke', 'leaseKeepAlive', 'leaseGrant'],
  Compacted: ['range', 'txn', 'compact'],
  FutureRevision: ['range', 'txn', 'compact'],
};

function isPossible({ call }: Operation, code: StoreErrorCode): boolean {
  const kinds = KINDS[code];
  if (kinds !== undefined) return kinds.includes(call.kind);
  // A transaction with several faults may be refused for any of them.
  return faultsOf(call).includes(code);
}

function faultOf(call: Call): StoreErrorCode | undefined {
  // Most calls by far are reads and plain writes of a key.
  if (call.kind === 'range' && call.request.key.length > 0) return undefined;
  if (call.kind === 'put' && call.request.key.length > 0) {
    const { ignoreValue, ignoreLease } = call.request;
    if (ignoreValue !== true && ignoreLease !== true) return undefined;
  }
  return faultsOf(call)[0];
}

function faultsOf(call: Call): readonly StoreErrorCode[] {
  const faults: StoreErrorCode[] = [];
  for (const { key } of [...rangesOf(call), ...putsOf(call), ...deletesOf(call)]) {
    if (key.length === 0) faults.push('EmptyKey');
  }
  if (call.kind === 'txn' && (call.request.compare ?? []).some(({ key }) => key.length === 0)) {
    faults.push('EmptyKey');
  }
  for (const put of putsOf(call)) {
    if (put.ignoreValue === true && (put.value?.length ?? 0) > 0) faults.push('ValueProvided');
    if (put.ignoreLease === true && (put.lease ?? 0n) !== 0n) faults.push('LeaseProvided');
  }
  return faults;
}

/** Whether a key that a put wants to keep can have been missing while the call was under way. */
function isKeyMissing(
  { call, invokedMs, returnedMs }: Operation,
  model: KvModel,
  timeline: Timeline,
  births: Births,
): boolean {
  const from = timeline.floorAt(invokedMs);
  const to = births.ceilingAt(returnedMs);
  return putsOf(call).some(
    (put) =>
      (put.ignoreValue === true || put.ignoreLease === true) &&
      model.wasMissing(keyText(put.key), from, to),
  );
}
