// What goes wrong with watches and leases.
import type { History, Operation, WatchNote } from '../../../src/simulation/check/history.js';
import type { LeaseTimeToLiveResult } from '../../../src/store/index.js';
import { toText } from '../../../src/store/index.js';
import { atRevision, withAnswer, withNotes, withOperation } from './history-builder.js';
import { rev, find, withRevision } from './mutation-tools.js';
import type { RandomHistory } from './random-history.js';

export function notes(id: number, change: (notes: readonly WatchNote[]) => readonly WatchNote[]) {
  return ({ history }: RandomHistory): History => withNotes(history, id, change);
}

export const batchesOf = (all: readonly WatchNote[]) => all.filter((note) => note.kind === 'batch');

export function halfBatch(all: readonly WatchNote[]): readonly WatchNote[] {
  return all.map((note) =>
    note.kind === 'batch' && note.batch.events.length > 1
      ? { ...note, batch: { ...note.batch, events: note.batch.events.slice(1) } }
      : note,
  );
}

export function wrongPrevious(all: readonly WatchNote[]): readonly WatchNote[] {
  return all.map((note) => {
    if (note.kind !== 'batch') return note;
    const events = note.batch.events.map((event) => ({ ...event, prevKv: event.kv }));
    return { ...note, batch: { ...note.batch, events } };
  });
}

/** A revision in which a lease's keys went, at least so many of them, and the lease. */
export function expiry({ history }: RandomHistory, keysMin: number) {
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

export function grantOf(history: History, lease: bigint): Operation | undefined {
  return history.operations.find(
    ({ call, outcome }) =>
      call.kind === 'leaseGrant' && call.request.id === lease && outcome.kind === 'answered',
  );
}

export function leaseEarly(run: RandomHistory): History | undefined {
  const found = expiry(run, 1);
  const grant = found && grantOf(run.history, found.lease);
  return grant && withAnswer(run.history, grant.id, (result) => ({ ...result, ttlSeconds: 60 }));
}

export function leaseHalf(run: RandomHistory): History | undefined {
  const found = expiry(run, 2);
  return (
    found &&
    withRevision(run.history, found.batch.revision, ({ revision, events }) => ({
      revision,
      events: events.slice(1),
    }))
  );
}

export function leaseForEver(run: RandomHistory): History | undefined {
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

export function leaseBack({ history }: RandomHistory): History | undefined {
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

export function leaseGoneEarly({ history }: RandomHistory): History | undefined {
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
export function seenMs({ operations }: History, lease: bigint): number {
  const asked = operations.filter(
    ({ call }) => call.kind === 'leaseTimeToLive' && call.request.id === lease,
  );
  return Math.max(0, ...asked.map(({ invokedMs }) => invokedMs));
}

export const dropThird = (all: readonly WatchNote[]) =>
  all.filter((note) => note !== batchesOf(all)[3]);
export const ended = (all: readonly WatchNote[]): readonly WatchNote[] => [
  { kind: 'error', atMs: 0, code: 'Stopped', compactRevision: undefined },
  ...all,
];
