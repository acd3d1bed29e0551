import type { KeyValue, RevisionBatch, StoreEvent } from '../../store/index.js';
import type { Births } from './births.js';
import { EndedCalls, inOrderOfSending } from './ended-calls.js';
import type { History, Operation } from './history.js';
import { keyText, shownKey } from './key-text.js';
import { operationName } from './operation-name.js';
import type { RecordedKeys } from './recorded-keys.js';
import type { Report } from './report.js';
import { isSerializable } from './request-facts.js';
import { headerOf } from './timeline.js';

/**
 * `L5`, the laws of the recorded revisions: none is missing, and each change follows from the one
 * before it.
 * @returns whether the revisions are without gap, so that anything else can be said about them
 */
export function checkRevisions(history: History, keys: RecordedKeys, report: Report): boolean {
  const state = new Map<string, KeyValue>();
  for (const [at, batch] of history.revisions.entries()) {
    if (batch.revision !== at + 2) {
      report.add('L5', `revision ${batch.revision} was recorded where ${at + 2} should be`);
      return false;
    }
    if (batch.events.length === 0) report.add('L5', `revision ${batch.revision} changes nothing`);
    let place = 0;
    for (const event of batch.events) {
      const key = keys[at]?.[place++] as string;
      checkEvent(batch, event, state.get(key), report);
      if (event.type === 'put') state.set(key, event.kv);
      else state.delete(key);
    }
  }
  return true;
}

function checkEvent(
  { revision }: RevisionBatch,
  { type, kv }: StoreEvent,
  before: KeyValue | undefined,
  report: Report,
): void {
  const fail = (why: string): void => {
    report.add('L5', `revision ${revision}, key ${shownKey(keyText(kv.key))}: ${why}`);
  };
  if (kv.modRevision !== revision) fail(`mod revision ${kv.modRevision}`);
  if (type === 'delete') {
    if (before === undefined) fail('deleted, but it was not there');
    if (kv.version !== 0 || kv.createRevision !== 0) fail('a delete with a version');
    return;
  }
  const created = before?.createRevision ?? revision;
  const version = (before?.version ?? 0) + 1;
  if (kv.createRevision !== created) fail(`create revision ${kv.createRevision}, not ${created}`);
  if (kv.version !== version) fail(`version ${kv.version}, not ${version}`);
}

/**
 * `L5`, the laws of headers: at one member neither revision nor term goes down between restarts,
 * and no answer knows a revision that nobody had asked for yet (for serializable reads: `L6`).
 */
export function checkHeaders(history: History, births: Births, report: Report): void {
  const members = new Map<string, Operation[]>();
  let clusterId: bigint | undefined;
  for (const operation of history.operations) {
    const header = headerOf(operation);
    if (header === undefined) continue;
    clusterId ??= header.clusterId;
    if (header.clusterId !== clusterId) {
      report.add('L5', `${operationName(operation)} was answered by another cluster`);
    }
    if (births.earliestMs(header.revision) > operation.returnedMs) {
      const message = `${operationName(operation)} was answered at revision ${header.revision} before anybody asked for it`;
      report.add(isSerializable(operation.call) ? 'L6' : 'L5', message, operation.returnedMs);
    }
    if (isAnsweredElsewhere(operation)) continue;
    const list = members.get(operation.member);
    if (list === undefined) members.set(operation.member, [operation]);
    else list.push(operation);
  }
  for (const [member, operations] of members) {
    const restarts = (history.restarts ?? []).filter((restart) => restart.member === member);
    checkMember(
      operations,
      restarts.map((restart) => restart.atMs),
      report,
    );
  }
}

/** The time of leases is known at the leader, whoever was asked. */
function isAnsweredElsewhere({ call }: Operation): boolean {
  return (
    call.kind === 'leaseKeepAlive' || call.kind === 'leaseTimeToLive' || call.kind === 'leaseList'
  );
}

function checkMember(
  operations: readonly Operation[],
  restartsMs: readonly number[],
  report: Report,
): void {
  const pending = new EndedCalls();
  const restarts = restartsMs.toSorted((a, b) => a - b);
  let restarted = 0;
  let sinceMs = Number.NEGATIVE_INFINITY;
  let revision = 0;
  let term = 0;
  for (const operation of inOrderOfSending(operations)) {
    for (; (restarts[restarted] ?? Number.POSITIVE_INFINITY) <= operation.invokedMs; restarted++) {
      sinceMs = restarts[restarted] as number;
      revision = 0;
      term = 0;
    }
    for (;;) {
      const before = pending.takeEnded(operation.invokedMs);
      if (before === undefined) break;
      if (before.invokedMs < sinceMs) continue;
      const header = headerOf(before);
      revision = Math.max(revision, header?.revision ?? 0);
      term = Math.max(term, header?.raftTerm ?? 0);
    }
    pending.begin(operation);
    const header = headerOf(operation);
    if (header === undefined) continue;
    // Sent before a restart and answered after it: by which life, nobody knows.
    if ((restarts[restarted] ?? Number.POSITIVE_INFINITY) <= operation.returnedMs) continue;
    if (header.revision < revision) {
      const message = `${operationName(operation)}: the member was at revision ${revision} before and now at ${header.revision}`;
      report.add(isSerializable(operation.call) ? 'L6' : 'L5', message, operation.returnedMs);
    }
    if (header.raftTerm < term) {
      const message = `${operationName(operation)}: the member was in term ${term} before and now in ${header.raftTerm}`;
      report.add('L5', message, operation.returnedMs);
    }
  }
}
