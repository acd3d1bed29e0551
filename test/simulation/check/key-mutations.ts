// What goes wrong with keys and values.
import type { History, Operation, Outcome } from '../../../src/simulation/check/history.js';
import type { KeyValue, RangeResult, ResponseHeader } from '../../../src/store/index.js';
import { atRevision, withAnswer, withOperation } from './history-builder.js';
import {
  refused,
  header,
  rev,
  find,
  isPlainRead,
  isPut,
  withRevision,
  withOneMore,
  pairOf,
  lostPut,
} from './mutation-tools.js';
import type { RandomHistory } from './random-history.js';
import type { ServedStore } from './served-store.js';

export function readWith(
  change: (kvs: readonly KeyValue[]) => readonly KeyValue[],
  serializable = false,
) {
  return ({ history }: RandomHistory): History | undefined => {
    const read = find(history, (one) =>
      serializable
        ? one.call.kind === 'range' &&
          one.call.request.serializable === true &&
          one.outcome.kind === 'answered' &&
          one.outcome.answer.kind === 'range' &&
          one.outcome.answer.result.kvs.length > 0
        : isPlainRead(one),
    );
    if (read === undefined) return undefined;
    return withAnswer(history, read.id, (result) => {
      const kvs = change((result as RangeResult).kvs);
      return { ...result, kvs, count: kvs.length } as RangeResult;
    });
  };
}

export function again(passes: (operation: Operation) => boolean) {
  return (run: RandomHistory): History | undefined => {
    const source = run.history.operations.find(
      (one) => passes(one) && pairOf(run.history, one) !== undefined,
    );
    const event = source && pairOf(run.history, source);
    return event && withOneMore(run, event.kv.key, event.kv.value);
  };
}

export function staleRead({ history }: RandomHistory): History | undefined {
  for (const read of history.operations.filter(isPlainRead).toReversed()) {
    const old = history.operations.find(
      (one) =>
        isPlainRead(one) &&
        JSON.stringify(one.call) === JSON.stringify(read.call) &&
        history.operations.some(
          (write) => isPut(write) && rev(write) > rev(one) && write.returnedMs < read.invokedMs,
        ),
    );
    if (old !== undefined) return withOperation(history, read.id, { outcome: old.outcome });
  }
  return undefined;
}

export function swappedAnswers({ history }: RandomHistory): History | undefined {
  const one = find(history, isPut);
  const other = find(history, (two) => isPut(two) && two !== one);
  if (one === undefined || other === undefined) return undefined;
  const half = withOperation(history, one.id, { outcome: other.outcome });
  return withOperation(half, other.id, { outcome: one.outcome });
}

export function serializableBack({ history, store }: RandomHistory): History | undefined {
  const read = history.operations.findLast(
    ({ call, outcome }) =>
      call.kind === 'range' && call.request.serializable === true && outcome.kind === 'answered',
  );
  if (read?.call.kind !== 'range') return undefined;
  const { call } = read;
  return withOperation(history, read.id, {
    outcome: beforeCompaction(store, () => store.runAt(call, 2)),
  });
}

/** Reads as if nothing had ever been compacted. */
export function beforeCompaction<T>({ kv }: ServedStore, read: () => T): T {
  const { compactedRevision } = kv;
  kv.compactedRevision = 0;
  const result = read();
  kv.compactedRevision = compactedRevision;
  return result;
}

export function lostWrite({ history }: RandomHistory): History | undefined {
  const last = Math.max(...history.operations.filter(isPut).map(rev));
  const revisions = history.revisions.filter(({ revision }) => revision < last);
  return { ...history, revisions, watches: [] };
}

export function otherBytes({ history }: RandomHistory): History | undefined {
  const put = find(history, isPut);
  return (
    put &&
    withRevision(history, rev(put), ({ revision, events }) => ({
      revision,
      events: events.map((event) => ({ ...event, kv: { ...event.kv, value: Uint8Array.of(0) } })),
    }))
  );
}

export function unknownEarly({ history }: RandomHistory): History | undefined {
  const lost = history.operations.find((one) => lostPut(one) && pairOf(history, one) !== undefined);
  if (lost === undefined) return undefined;
  const { endMs } = history;
  return withOperation(history, lost.id, { invokedMs: endMs - 1, returnedMs: endMs });
}

export function splitTxn({ history }: RandomHistory): History | undefined {
  const txn = find(history, ({ call, outcome }) => {
    if (call.kind !== 'txn' || outcome.kind !== 'answered') return false;
    return outcome.answer.kind === 'txn' && outcome.answer.result.succeeded;
  });
  return (
    txn &&
    withRevision(history, rev(txn), ({ revision, events }) => ({
      revision,
      events: events.slice(1),
    }))
  );
}

export function wrongVersion({ history }: RandomHistory): History | undefined {
  const put = find(history, isPut);
  return (
    put &&
    withRevision(history, rev(put), ({ revision, events }) => ({
      revision,
      events: events.map((event) => ({
        ...event,
        kv: { ...event.kv, version: event.kv.version + 1 },
      })),
    }))
  );
}

export function headerBack({ history }: RandomHistory): History | undefined {
  const grant = find(history, ({ call }) => call.kind === 'leaseGrant');
  return grant && atRevision(history, grant.id, 2);
}

export function termBack({ history }: RandomHistory): History | undefined {
  const put = find(history, isPut);
  return (
    put &&
    withAnswer(history, put.id, (result) => ({
      ...result,
      header: { ...result.header, raftTerm: 1 },
    }))
  );
}

/** A read of a past revision that was answered. */
export function pastRead(history: History, passes: (revision: number, one: Operation) => boolean) {
  return history.operations.findLast(
    (one) =>
      one.call.kind === 'range' &&
      one.outcome.kind === 'answered' &&
      (one.call.request.revision ?? 0) > 0 &&
      passes(one.call.request.revision ?? 0, one),
  );
}

export function compactedAbove({ history }: RandomHistory): History | undefined {
  const compactions = history.operations.filter(
    ({ call, outcome }) => call.kind === 'compact' && outcome.kind !== 'refused',
  );
  const read = pastRead(history, (revision, { returnedMs }) =>
    compactions.every(
      ({ call, invokedMs }) =>
        invokedMs > returnedMs || (call.kind === 'compact' && call.request.revision <= revision),
    ),
  );
  return read && withOperation(history, read.id, { outcome: refused('Compacted') });
}

export function readBelowCompact({ history, store }: RandomHistory): History | undefined {
  const read = history.operations.find(
    ({ call, outcome, invokedMs }) =>
      call.kind === 'range' &&
      outcome.kind === 'refused' &&
      outcome.code === 'Compacted' &&
      history.operations.some(
        (one) =>
          one.call.kind === 'compact' &&
          one.outcome.kind === 'answered' &&
          one.returnedMs < invokedMs &&
          one.call.request.revision > (call.request.revision ?? 0),
      ),
  );
  if (read?.call.kind !== 'range') return undefined;
  const { request } = read.call;
  const data = beforeCompaction(store, () => store.kv.range(request));
  const before = history.operations.findLast(
    (one) => header(one) !== undefined && one.returnedMs < read.invokedMs,
  );
  const result = { header: header(before as Operation) as ResponseHeader, ...data };
  const outcome: Outcome = { kind: 'answered', answer: { kind: 'range', result } };
  return withOperation(history, read.id, { outcome });
}

export function futureRefusal({ history }: RandomHistory): History | undefined {
  const read = pastRead(history, (revision, { invokedMs }) =>
    history.operations.some(
      (one) => isPut(one) && rev(one) >= revision && one.returnedMs < invokedMs,
    ),
  );
  return read && withOperation(history, read.id, { outcome: refused('FutureRevision') });
}

export function unknownAnswer({ history }: RandomHistory): History | undefined {
  const put = history.operations.find((one) => lostPut(one) && pairOf(history, one) === undefined);
  const answered = find(history, isPut);
  if (put === undefined || answered === undefined) return undefined;
  return withOperation(history, put.id, { outcome: answered.outcome });
}
