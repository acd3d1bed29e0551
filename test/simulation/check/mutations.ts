// Ways to spoil a good history, each as one kind of bug would: a name, the properties of which at
// least one must then be reported, and the change. Undefined where the history has nothing to spoil.
import type {
  History,
  Operation,
  Outcome,
  WatchNote,
} from '../../../src/simulation/check/history.js';
import type {
  KeyValue,
  LeaseTimeToLiveResult,
  RangeResult,
  ResponseHeader,
  RevisionBatch,
  StoreEvent,
} from '../../../src/store/index.js';
import { toText } from '../../../src/store/index.js';
import { atRevision, withAnswer, withNotes, withOperation } from './history-builder.js';
import type { RandomHistory } from './random-history.js';
import type { ServedStore } from './served-store.js';

export interface Mutation {
  readonly name: string;
  readonly breaks: readonly string[];
  readonly change: (run: RandomHistory) => History | undefined;
}

const UNKNOWN: Outcome = { kind: 'unknown' };

function refused(code: 'Stopped' | 'Compacted' | 'FutureRevision' | 'LeaseNotFound'): Outcome {
  return { kind: 'refused', code, compactRevision: undefined };
}

function header({ outcome }: Operation): ResponseHeader | undefined {
  return outcome.kind === 'answered' ? outcome.answer.result.header : undefined;
}

function rev(operation: Operation): number {
  return header(operation)?.revision ?? 0;
}

/** The last answered operation that passes, from the middle of the history. */
function find(
  { operations }: History,
  passes: (operation: Operation) => boolean,
): Operation | undefined {
  const half = Math.floor(operations.length / 2);
  const late = operations.slice(half).find((one) => one.outcome.kind === 'answered' && passes(one));
  return late ?? operations.find((one) => one.outcome.kind === 'answered' && passes(one));
}

function isPlainRead({ call, outcome }: Operation): boolean {
  if (call.kind !== 'range' || outcome.kind !== 'answered') return false;
  const { serializable, revision, countOnly, limit } = call.request;
  if (serializable === true || (revision ?? 0) > 0 || countOnly === true || limit !== undefined) {
    return false;
  }
  return outcome.answer.kind === 'range' && outcome.answer.result.kvs.length > 0;
}

const isPut = ({ call }: Operation): boolean =>
  call.kind === 'put' && call.request.ignoreValue !== true;

function readWith(change: (kvs: readonly KeyValue[]) => readonly KeyValue[], serializable = false) {
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

function withRevision(
  history: History,
  revision: number,
  change: (batch: RevisionBatch) => RevisionBatch,
): History {
  const revisions = history.revisions.map((one) => (one.revision === revision ? change(one) : one));
  return { ...history, revisions };
}

/** One revision more, with a put that has the right numbers. */
function withOneMore(
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

function pairOf(history: History, operation: Operation): StoreEvent | undefined {
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

function again(passes: (operation: Operation) => boolean) {
  return (run: RandomHistory): History | undefined => {
    const source = run.history.operations.find(
      (one) => passes(one) && pairOf(run.history, one) !== undefined,
    );
    const event = source && pairOf(run.history, source);
    return event && withOneMore(run, event.kv.key, event.kv.value);
  };
}

const lostPut = (one: Operation): boolean => isPut(one) && one.outcome.kind === 'unknown';

function staleRead({ history }: RandomHistory): History | undefined {
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

function swappedAnswers({ history }: RandomHistory): History | undefined {
  const one = find(history, isPut);
  const other = find(history, (two) => isPut(two) && two !== one);
  if (one === undefined || other === undefined) return undefined;
  const half = withOperation(history, one.id, { outcome: other.outcome });
  return withOperation(half, other.id, { outcome: one.outcome });
}

function serializableBack({ history, store }: RandomHistory): History | undefined {
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
function beforeCompaction<T>({ kv }: ServedStore, read: () => T): T {
  const { compactedRevision } = kv;
  kv.compactedRevision = 0;
  const result = read();
  kv.compactedRevision = compactedRevision;
  return result;
}

function lostWrite({ history }: RandomHistory): History | undefined {
  const last = Math.max(...history.operations.filter(isPut).map(rev));
  const revisions = history.revisions.filter(({ revision }) => revision < last);
  return { ...history, revisions, watches: [] };
}

function otherBytes({ history }: RandomHistory): History | undefined {
  const put = find(history, isPut);
  return (
    put &&
    withRevision(history, rev(put), ({ revision, events }) => ({
      revision,
      events: events.map((event) => ({ ...event, kv: { ...event.kv, value: Uint8Array.of(0) } })),
    }))
  );
}

function unknownEarly({ history }: RandomHistory): History | undefined {
  const lost = history.operations.find((one) => lostPut(one) && pairOf(history, one) !== undefined);
  if (lost === undefined) return undefined;
  const { endMs } = history;
  return withOperation(history, lost.id, { invokedMs: endMs - 1, returnedMs: endMs });
}

function splitTxn({ history }: RandomHistory): History | undefined {
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

function wrongVersion({ history }: RandomHistory): History | undefined {
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

function headerBack({ history }: RandomHistory): History | undefined {
  const grant = find(history, ({ call }) => call.kind === 'leaseGrant');
  return grant && atRevision(history, grant.id, 2);
}

function termBack({ history }: RandomHistory): History | undefined {
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
function pastRead(history: History, passes: (revision: number, one: Operation) => boolean) {
  return history.operations.findLast(
    (one) =>
      one.call.kind === 'range' &&
      one.outcome.kind === 'answered' &&
      (one.call.request.revision ?? 0) > 0 &&
      passes(one.call.request.revision ?? 0, one),
  );
}

function compactedAbove({ history }: RandomHistory): History | undefined {
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

function readBelowCompact({ history, store }: RandomHistory): History | undefined {
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

function futureRefusal({ history }: RandomHistory): History | undefined {
  const read = pastRead(history, (revision, { invokedMs }) =>
    history.operations.some(
      (one) => isPut(one) && rev(one) >= revision && one.returnedMs < invokedMs,
    ),
  );
  return read && withOperation(history, read.id, { outcome: refused('FutureRevision') });
}

function notes(id: number, change: (notes: readonly WatchNote[]) => readonly WatchNote[]) {
  return ({ history }: RandomHistory): History => withNotes(history, id, change);
}

const batchesOf = (all: readonly WatchNote[]) => all.filter((note) => note.kind === 'batch');

function halfBatch(all: readonly WatchNote[]): readonly WatchNote[] {
  return all.map((note) =>
    note.kind === 'batch' && note.batch.events.length > 1
      ? { ...note, batch: { ...note.batch, events: note.batch.events.slice(1) } }
      : note,
  );
}

function wrongPrevious(all: readonly WatchNote[]): readonly WatchNote[] {
  return all.map((note) => {
    if (note.kind !== 'batch') return note;
    const events = note.batch.events.map((event) => ({ ...event, prevKv: event.kv }));
    return { ...note, batch: { ...note.batch, events } };
  });
}

/** A revision in which a lease's keys went, at least so many of them, and the lease. */
function expiry({ history }: RandomHistory, keysMin: number) {
  const state = new Map<string, bigint>();
  const writers = new Set(history.operations.map(rev));
  for (const batch of history.revisions) {
    const lease = state.get(toText(batch.events[0]?.kv.key ?? new Uint8Array())) ?? 0n;
    const isExpiry =
      !writers.has(batch.revision) &&
      lease !== 0n &&
      batch.events.length >= keysMin &&
      batch.events.every(
        ({ type, kv }) => type === 'delete' && state.get(toText(kv.key)) === lease,
      ) &&
      !history.operations.some(({ call }) => call.kind === 'leaseRevoke' && call.id === lease);
    if (isExpiry) return { batch, lease };
    for (const { type, kv } of batch.events)
      state.set(toText(kv.key), type === 'put' ? kv.lease : 0n);
  }
  return undefined;
}

function grantOf(history: History, lease: bigint): Operation | undefined {
  return history.operations.find(
    ({ call, outcome }) =>
      call.kind === 'leaseGrant' && call.request.id === lease && outcome.kind === 'answered',
  );
}

function leaseEarly(run: RandomHistory): History | undefined {
  const found = expiry(run, 1);
  const grant = found && grantOf(run.history, found.lease);
  return grant && withAnswer(run.history, grant.id, (result) => ({ ...result, ttlSeconds: 60 }));
}

function leaseHalf(run: RandomHistory): History | undefined {
  const found = expiry(run, 2);
  return (
    found &&
    withRevision(run.history, found.batch.revision, ({ revision, events }) => ({
      revision,
      events: events.slice(1),
    }))
  );
}

function leaseForEver(run: RandomHistory): History | undefined {
  for (const { call, outcome, id } of run.history.operations) {
    if (call.kind !== 'leaseGrant' || outcome.kind !== 'answered') continue;
    const { history } = run;
    const lease = call.request.id;
    const grantedMs = history.operations[id]?.returnedMs ?? 0;
    const seen = history.operations.some(
      (one) =>
        one.call.kind === 'leaseTimeToLive' &&
        one.call.request.id === lease &&
        one.outcome.kind === 'answered' &&
        (one.outcome.answer.result as LeaseTimeToLiveResult).remainingTtlSeconds >= 0 &&
        one.invokedMs > grantedMs + call.request.ttlSeconds * 1000 + 100,
    );
    if (!seen) continue;
    const operations = history.operations.filter(
      (one) => one.call.kind !== 'leaseKeepAlive' || one.call.id !== lease,
    );
    return { ...history, operations };
  }
  return undefined;
}

function leaseBack({ history }: RandomHistory): History | undefined {
  const gone = history.operations.findLast(
    ({ call, outcome }) =>
      call.kind === 'leaseTimeToLive' &&
      outcome.kind === 'answered' &&
      outcome.answer.kind === 'leaseTimeToLive' &&
      outcome.answer.result.remainingTtlSeconds < 0 &&
      history.operations.some(
        (one) =>
          one.call.kind === 'leaseRevoke' &&
          one.call.id === call.request.id &&
          one.outcome.kind === 'answered' &&
          one.returnedMs < history.endMs - 1000,
      ),
  );
  if (gone === undefined) return undefined;
  const { endMs } = history;
  const found = (result: object): LeaseTimeToLiveResult =>
    ({ ...result, remainingTtlSeconds: 1, grantedTtlSeconds: 1 }) as LeaseTimeToLiveResult;
  const late = withOperation(history, gone.id, { invokedMs: endMs - 20, returnedMs: endMs - 10 });
  const last = Math.max(...history.operations.map(rev));
  return atRevision(withAnswer(late, gone.id, found), gone.id, last);
}

function leaseGoneEarly({ history }: RandomHistory): History | undefined {
  const seen = find(
    history,
    ({ call, outcome }) =>
      call.kind === 'leaseTimeToLive' &&
      outcome.kind === 'answered' &&
      outcome.answer.kind === 'leaseTimeToLive' &&
      outcome.answer.result.remainingTtlSeconds > 0 &&
      !history.operations.some(
        (one) => one.call.kind === 'leaseRevoke' && one.call.id === call.request.id,
      ) &&
      history.operations.some(
        (one) =>
          one === grantOf(history, call.request.id) &&
          one.returnedMs < seenMs(history, call.request.id),
      ),
  );
  const missing = (result: object): LeaseTimeToLiveResult =>
    ({ ...result, remainingTtlSeconds: -1 }) as LeaseTimeToLiveResult;
  return seen && withAnswer(history, seen.id, missing);
}

/** When a lease was last asked about. */
function seenMs({ operations }: History, lease: bigint): number {
  const asked = operations.filter(
    ({ call }) => call.kind === 'leaseTimeToLive' && call.request.id === lease,
  );
  return Math.max(0, ...asked.map(({ invokedMs }) => invokedMs));
}

function unknownAnswer({ history }: RandomHistory): History | undefined {
  const put = history.operations.find((one) => lostPut(one) && pairOf(history, one) === undefined);
  const answered = find(history, isPut);
  if (put === undefined || answered === undefined) return undefined;
  return withOperation(history, put.id, { outcome: answered.outcome });
}

const dropThird = (all: readonly WatchNote[]) => all.filter((note) => note !== batchesOf(all)[3]);
const ended = (all: readonly WatchNote[]): readonly WatchNote[] => [
  { kind: 'error', atMs: 0, code: 'Stopped', compactRevision: undefined },
  ...all,
];

export const MUTATIONS: readonly Mutation[] = [
  { name: 'a stale read', breaks: ['L1'], change: staleRead },
  {
    name: 'a read with other bytes',
    breaks: ['L1'],
    change: readWith((kvs) => kvs.map((kv) => ({ ...kv, value: Uint8Array.of(1) }))),
  },
  { name: 'a read without a key', breaks: ['L1'], change: readWith((kvs) => kvs.slice(1)) },
  {
    name: 'a read with a key twice',
    breaks: ['L1'],
    change: readWith((kvs) => [...kvs, kvs[0] as KeyValue]),
  },
  {
    name: 'a read with another version',
    breaks: ['L1'],
    change: readWith((kvs) => kvs.map((kv) => ({ ...kv, version: kv.version + 1 }))),
  },
  {
    name: 'a read of a revision that never was',
    breaks: ['L3'],
    change: ({ history, store }) => {
      const read = find(history, isPlainRead);
      return read && atRevision(history, read.id, store.kv.revision + 1);
    },
  },
  {
    name: 'a wrong serializable read',
    breaks: ['L6'],
    change: readWith((kvs) => kvs.slice(1), true),
  },
  { name: 'a serializable read that goes back', breaks: ['L6'], change: serializableBack },
  { name: 'two swapped answers', breaks: ['L1', 'L2'], change: swappedAnswers },
  { name: 'an answer that was never given', breaks: ['L1', 'L2'], change: unknownAnswer },
  { name: 'an acknowledged write that is lost', breaks: ['L2'], change: lostWrite },
  { name: 'an acknowledged write with other bytes', breaks: ['L2'], change: otherBytes },
  {
    name: 'a write by nobody',
    breaks: ['L3'],
    change: (run) => withOneMore(run, Uint8Array.of(97), Uint8Array.of(1, 2, 3)),
  },
  {
    name: 'an answered write done twice',
    breaks: ['L4'],
    change: again((one) => isPut(one) && one.outcome.kind === 'answered'),
  },
  { name: 'an unanswered write done twice', breaks: ['L4'], change: again(lostPut) },
  { name: 'an unanswered write before it was sent', breaks: ['L4'], change: unknownEarly },
  {
    name: 'a refused write that was done',
    breaks: ['L3'],
    change: ({ history }) => {
      const put = find(history, isPut);
      return put && withOperation(history, put.id, { outcome: refused('Stopped') });
    },
  },
  { name: 'a transaction cut in half', breaks: ['L2', 'L5'], change: splitTxn },
  {
    name: 'a gap in the revisions',
    breaks: ['L5'],
    change: ({ history }) => ({
      ...history,
      revisions: history.revisions.filter(({ revision }) => revision !== 50),
    }),
  },
  { name: 'a wrong version', breaks: ['L5'], change: wrongVersion },
  { name: 'a header that goes back', breaks: ['L5', 'L1'], change: headerBack },
  { name: 'a term that goes back', breaks: ['L5'], change: termBack },
  { name: 'compacted above the compact revision', breaks: ['L7'], change: compactedAbove },
  { name: 'a read below the compact revision', breaks: ['L7'], change: readBelowCompact },
  { name: 'a past that is called the future', breaks: ['L7'], change: futureRefusal },
  {
    name: 'a watch out of order',
    breaks: ['W1'],
    change: notes(0, (all) => {
      const [first, second, ...rest] = batchesOf(all);
      return [second as WatchNote, first as WatchNote, ...rest];
    }),
  },
  {
    name: 'a watch that repeats',
    breaks: ['W2'],
    change: notes(1, (all) => [all[0] as WatchNote, ...all]),
  },
  {
    name: 'a watch with a gap',
    breaks: ['W3'],
    change: notes(0, (all) => batchesOf(dropThird(all))),
  },
  { name: 'a watch that splits revisions', breaks: ['W4'], change: notes(1, halfBatch) },
  {
    name: 'a watch that starts late',
    breaks: ['W5'],
    change: notes(3, (all) => batchesOf(all).slice(1)),
  },
  {
    name: 'a bookmark too early',
    breaks: ['W6'],
    change: notes(0, (all) => all.filter((note) => note !== batchesOf(all).at(-1))),
  },
  { name: 'a watch with wrong pairs before', breaks: ['W7'], change: notes(4, wrongPrevious) },
  {
    name: 'a watch that ignores its filter',
    breaks: ['W7'],
    change: ({ history }) => withNotes(history, 3, () => history.watches[0]?.notes ?? []),
  },
  {
    name: 'a watch without its tail',
    breaks: ['W8'],
    change: notes(2, (all) => batchesOf(all).slice(0, -1)),
  },
  { name: 'events after the end of a watch', breaks: ['W9'], change: notes(2, ended) },
  { name: 'a lease that ends early', breaks: ['E1'], change: leaseEarly },
  { name: 'a lease that is said to be gone', breaks: ['E1', 'E5', 'E4'], change: leaseGoneEarly },
  { name: 'a lease that lasts too long', breaks: ['E2'], change: leaseForEver },
  { name: 'a lease that leaves a key', breaks: ['E3'], change: leaseHalf },
  { name: 'a revoked lease that is found again', breaks: ['E4'], change: leaseBack },
  {
    name: 'unanswered calls that are all called answered',
    breaks: ['L1', 'L2'],
    change: ({ history }) => {
      const put = find(history, isPut);
      const lost = history.operations.filter(lostPut);
      if (put === undefined || lost.length === 0) return undefined;
      const operations = history.operations.map((one) =>
        lost.includes(one) ? { ...one, outcome: put.outcome } : one,
      );
      return { ...history, operations };
    },
  },
  {
    name: 'an answer that is forgotten and its effect denied',
    breaks: ['L4', 'L3'],
    change: ({ history }) => {
      const put = find(history, isPut);
      const late = history.endMs;
      return (
        put &&
        withOperation(history, put.id, { outcome: UNKNOWN, invokedMs: late, returnedMs: late })
      );
    },
  },
];
