/**
 * A Store that writes down everything that is done with it, in the form that the checkers of the
 * simulation judge: around a client of real processes, so that they are held to the same promises.
 * It changes nothing about calls. All clients of a run share one recorder and one clock.
 */
import { Observable, tap } from 'rxjs';
import type { Answer, Call, History, Outcome } from '../../src/simulation/check/history.js';
import { HistoryRecorder } from '../../src/simulation/clients/history-recorder.js';
import {
  allKeys,
  type CallOptions,
  isStoreError,
  type Leases,
  type RevisionBatch,
  type Store,
  type StoreErrorCode,
  type WatchRequest,
} from '../../src/store/index.js';

/** Codes that leave it open whether a write happens. */
const OPEN_CODES: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'Stopped',
  'Timeout',
  'Unavailable',
  'Canceled',
  'DeadlineExceeded',
  'LeaderChanged',
  'Unknown',
]);

/** What all clients of a run write into. */
export class RunRecorder {
  readonly log = new HistoryRecorder(() => performance.now());
  /** Why calls ended without an answer, and how often, for a test's report. */
  readonly failures = new Map<string, number>();

  /** Takes the merged truth from a watch of everything, from the first revision on. */
  observe(store: Store): () => void {
    const watch = store.watch({ ...allKeys(), startRevision: 2 });
    const subscription = watch.subscribe({
      next: (batch) => this.log.addRevision(batch),
      // Shows as a gap between what was observed and what was answered.
      error: () => undefined,
    });
    return () => subscription.unsubscribe();
  }

  /** A client that repeats calls is about to make this one: it may take effect once more. */
  mayRepeat(client: number, call: Call): void {
    this.log.end(this.log.begin(client, 'any', call), { kind: 'unknown' });
  }

  /**
   * A member that has ended is about to start again; its name is that of its answers. To be said
   * before it starts: it answers users before the test hears that it is up.
   */
  restarts(memberId: bigint): void {
    this.log.addRestart(nameOf(memberId));
  }

  failed(kind: string, error: unknown): void {
    const reason = isStoreError(error) ? `${error.code} (${error.message})` : String(error);
    const line = `${kind}: ${reason}`;
    this.failures.set(line, (this.failures.get(line) ?? 0) + 1);
  }

  /** Everything until now, each answered call with the member that answered it. */
  finish(): History {
    const history = this.log.finish();
    const operations = history.operations.map((operation) => {
      if (operation.outcome.kind !== 'answered') return operation;
      const { header } = operation.outcome.answer.result;
      return { ...operation, member: nameOf(header.memberId) };
    });
    // The observer hears of a revision some time after it was applied.
    return {
      operations,
      watches: history.watches,
      revisions: history.revisions,
      restarts: history.restarts ?? [],
      endMs: history.endMs,
    };
  }
}

function nameOf(memberId: bigint): string {
  return memberId.toString(16);
}

export class RecordingClient {
  readonly #store: Store;
  readonly #run: RunRecorder;
  readonly #client: number;
  readonly leases: Leases;

  /** @param client - Its number in the history. */
  constructor(store: Store, run: RunRecorder, client: number) {
    this.#store = store;
    this.#run = run;
    this.#client = client;
    const { leases } = store;
    this.leases = {
      grant: (request, options) =>
        this.#call({ kind: 'leaseGrant', request }, leases.grant(request, options)),
      keepAlive: (id, options) =>
        this.#call({ kind: 'leaseKeepAlive', id }, leases.keepAlive(id, options)),
      revoke: (id, options) => this.#call({ kind: 'leaseRevoke', id }, leases.revoke(id, options)),
      timeToLive: (request, options) =>
        this.#call({ kind: 'leaseTimeToLive', request }, leases.timeToLive(request, options)),
      list: (options) => this.#call({ kind: 'leaseList' }, leases.list(options)),
    };
  }

  range: Store['range'] = (request, options?: CallOptions) =>
    this.#call({ kind: 'range', request }, this.#store.range(request, options));

  put: Store['put'] = (request, options?: CallOptions) =>
    this.#call({ kind: 'put', request }, this.#store.put(request, options));

  delete: Store['delete'] = (request, options?: CallOptions) =>
    this.#call({ kind: 'delete', request }, this.#store.delete(request, options));

  txn: Store['txn'] = (request, options?: CallOptions) =>
    this.#call({ kind: 'txn', request }, this.#store.txn(request, options));

  compact: Store['compact'] = (request, options?: CallOptions) =>
    this.#call({ kind: 'compact', request }, this.#store.compact(request, options));

  watch(request: WatchRequest): Observable<RevisionBatch> {
    return new Observable((subscriber) => {
      const watch = this.#run.log.openWatch(this.#client, request);
      const noted = this.#store.watch(request).pipe(
        tap({
          next: (batch) => {
            const atMs = performance.now();
            if (batch.events.length > 0) watch.note({ kind: 'batch', atMs, batch });
            else watch.note({ kind: 'progress', atMs, revision: batch.revision });
          },
          error: (error: unknown) => {
            if (!isStoreError(error)) throw error;
            const { code, compactRevision } = error;
            watch.note({ kind: 'error', atMs: performance.now(), code, compactRevision });
          },
        }),
      );
      const subscription = noted.subscribe(subscriber);
      return () => {
        watch.close();
        subscription.unsubscribe();
      };
    });
  }

  async #call<Result extends Answer['result']>(call: Call, made: Promise<Result>): Promise<Result> {
    const { log } = this.#run;
    const id = log.begin(this.#client, 'any', call);
    try {
      const result = await made;
      const answer = { kind: call.kind, result } as unknown as Answer;
      log.end(id, { kind: 'answered', answer });
      return result;
    } catch (error) {
      this.#run.failed(call.kind, error);
      log.end(id, outcomeOf(error));
      throw error;
    }
  }
}

function outcomeOf(error: unknown): Outcome {
  if (!isStoreError(error) || OPEN_CODES.has(error.code)) return { kind: 'unknown' };
  return { kind: 'refused', code: error.code, compactRevision: error.compactRevision };
}
