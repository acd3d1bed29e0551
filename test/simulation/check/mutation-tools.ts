// Finding the places of a history that can be spoiled, and spoiling them.
import type { History, Operation, Outcome } from '../../../src/simulation/check/history.js';
import type {
  KeyValue,
  ResponseHeader,
  RevisionBatch,
  StoreEvent,
} from '../../../src/store/index.js';
import { toText } from '../../../src/store/index.js';
import type { RandomHistory } from './random-history.js';

export const UNKNOWN: Outcome = { kind: 'unknown' };

export function refused(
  code: 'Stopped' | 'Compacted' | 'FutureRevision' | 'LeaseNotFound',
): Outcome {
  return { kind: 'refused', code, compactRevision: undefined };
}

export function header({ outcome }: Operation): ResponseHeader | undefined {
  return outcome.kind === 'answered' ? outcome.answer.result.header : undefined;
}

export function rev(operation: Operation): number {
  return header(operation)?.revision ?? 0;
}

/** The last answered operation that passes, from the middle of the history. */
export function find(
  { operations }: History,
  passes: (operation: Operation) => boolean,
): Operation | undefined {
  const half = Math.floor(operations.length / 2);
  const late = operations.slice(half).find((one) => one.outcome.kind === 'answered' && passes(one));
  return late ?? operations.find((one) => one.outcome.kind === 'answered' && passes(one));
}

export function isPlainRead({ call, outcome }: Operation): boolean {
  if (call.kind !== 'range' || outcome.kind !== 'answered') return false;
  const { serializable, revision, countOnly, limit } = call.request;
  if (serializable === true || (revision ?? 0) > 0 || countOnly === true || limit !== undefined) {
    return false;
  }
  return outcome.answer.kind === 'range' && outcome.answer.result.kvs.length > 0;
}

export const isPut = ({ call }: Operation): boolean =>
  call.kind === 'put' && call.request.ignoreValue !== true;

export function withRevision(
  history: History,
  revision: number,
  change: (batch: RevisionBatch) => RevisionBatch,
): History {
  const revisions = history.revisions.map((one) => (one.revision === revision ? change(one) : one));
  return { ...history, revisions };
}

/** One revision more, with a put that has the right numbers. */
export function withOneMore(
  { history, store }: RandomHistory,
  key: Uint8Array,
  value: Uint8Array,
): History {
  const revision = store.kv.revision + 1;
  const [before] = store.kv.range({ key }).kvs;
  const kv: KeyValue = {
    key,
    value,
    createRevision: before?.createRevision ?? revision,
    modRevision: revision,
    version: (before?.version ?? 0) + 1,
    lease: 0n,
  };
  const batch: RevisionBatch = { revision, events: [{ type: 'put', kv }] };
  const revisionsAtMs = [...(history.revisionsAtMs ?? []), history.endMs - 200];
  return { ...history, revisions: [...history.revisions, batch], revisionsAtMs, watches: [] };
}

export function pairOf(history: History, operation: Operation): StoreEvent | undefined {
  const { call } = operation;
  if (call.kind !== 'put') return undefined;
  for (const { events } of history.revisions) {
    const event = events.find(
      ({ type, kv }) => type === 'put' && toText(kv.value) === call.request.value,
    );
    if (event !== undefined) return event;
  }
  return undefined;
}

export const lostPut = (one: Operation): boolean => isPut(one) && one.outcome.kind === 'unknown';
