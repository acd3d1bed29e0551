// Writes a history by hand, call by call, against a correct store: what comes out holds, until the
// test spoils it.
import type {
  Answer,
  Call,
  History,
  Operation,
  RecipeNote,
  WatchNote,
  WatchRecord,
} from '../../../src/simulation/check/history.js';
import type { WatchRequest } from '../../../src/store/index.js';
import { ServedStore } from './served-store.js';
import { shownTo } from './shown-to.js';

const CALL_MS = 10;
const PAUSE_MS = 10;

export class HistoryBuilder {
  readonly store = new ServedStore();
  readonly operations: Operation[] = [];
  readonly watches: WatchRecord[] = [];
  readonly recipes: RecipeNote[] = [];
  nowMs = 0;
  #compactions: { revision: number; atMs: number }[] = [];

  get revision(): number {
    return this.store.kv.revision;
  }

  /** Makes a call that takes a moment, and then waits a moment. */
  call(call: Call, { client = 1, member = 'one' } = {}): Operation {
    const invokedMs = this.nowMs;
    this.nowMs += CALL_MS;
    const outcome = this.store.run(call, invokedMs + CALL_MS / 2);
    const operation: Operation = {
      id: this.operations.length,
      client,
      member,
      call,
      invokedMs,
      returnedMs: this.nowMs,
      outcome,
    };
    this.operations.push(operation);
    this.nowMs += PAUSE_MS;
    if (call.kind === 'compact') {
      this.#compactions.push({ revision: call.request.revision, atMs: this.nowMs });
    }
    return operation;
  }

  /** The same, with the answer lost on the way back. */
  lost(call: Call, options: { client?: number; member?: string } = {}): Operation {
    const operation: Operation = { ...this.call(call, options), outcome: { kind: 'unknown' } };
    this.operations[operation.id] = operation;
    return operation;
  }

  put(key: string, value: string, lease = 0n, client = 1): Operation {
    return this.call({ kind: 'put', request: { key, value, lease, prevKv: true } }, { client });
  }

  delete(key: string, client = 1): Operation {
    return this.call({ kind: 'delete', request: { key, prevKv: true } }, { client });
  }

  get(key: string): Operation {
    return this.call({ kind: 'range', request: { key } });
  }

  grant(id: bigint, ttlSeconds = 10): Operation {
    return this.call({ kind: 'leaseGrant', request: { id, ttlSeconds } });
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.store.expire(this.nowMs);
  }

  note(note: RecipeNote): void {
    this.recipes.push(note);
  }

  /** A watch that has everything up to now, from its start. */
  watch(request: WatchRequest, more: readonly WatchNote[] = []): WatchRecord {
    const notes: WatchNote[] = shownTo(request, this.store.kv.history).map((batch) => ({
      kind: 'batch',
      atMs: (this.store.revisionsAtMs[batch.revision - 2] ?? 0) + 1,
      batch,
    }));
    const watch: WatchRecord = {
      id: this.watches.length,
      client: 9,
      request,
      openedMs: 0,
      closedMs: undefined,
      notes: [...notes, ...more],
    };
    this.watches.push(watch);
    return watch;
  }

  build(): History {
    return {
      operations: this.operations,
      watches: this.watches,
      revisions: this.store.kv.history,
      revisionsAtMs: this.store.revisionsAtMs,
      recipes: this.recipes,
      endMs: this.nowMs,
    };
  }
}

/** The history with one operation changed. */
export function withOperation(history: History, id: number, patch: Partial<Operation>): History {
  const operations = history.operations.map((operation) =>
    operation.id === id ? { ...operation, ...patch } : operation,
  );
  return { ...history, operations };
}

/** The history with another answer to one operation. */
export function withAnswer(
  history: History,
  id: number,
  change: (result: Answer['result']) => Answer['result'],
): History {
  const outcome = history.operations[id]?.outcome;
  if (outcome?.kind !== 'answered') throw new Error(`operation ${id} was not answered`);
  const answer = { ...outcome.answer, result: change(outcome.answer.result) } as Answer;
  return withOperation(history, id, { outcome: { kind: 'answered', answer } });
}

/** The history with another revision in the header of one answer. */
export function atRevision(history: History, id: number, revision: number): History {
  return withAnswer(history, id, (result) => ({
    ...result,
    header: { ...result.header, revision },
  }));
}

/** The history with other notes of one watch. */
export function withNotes(
  history: History,
  id: number,
  change: (notes: readonly WatchNote[]) => readonly WatchNote[],
): History {
  const watches = history.watches.map((watch) =>
    watch.id === id ? { ...watch, notes: change(watch.notes) } : watch,
  );
  return { ...history, watches };
}
