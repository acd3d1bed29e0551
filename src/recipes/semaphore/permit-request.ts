import {
  isStoreError,
  type KeyValue,
  prefix,
  type TxnOperation,
  type TxnRequest,
  type TxnResult,
  type WatchRequest,
} from '../../store/index.js';
import { awaitChange } from '../base/await-change.js';
import { backoffMs, type CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { encodeNote, type Metadata } from '../base/note.js';
import { type QueuePlace, rangeOf } from '../base/queue-place.js';
import { takeBack } from '../base/take-back.js';
import { CoordinationError } from '../errors.js';
import type { SemaphoreKeys } from './semaphore-layout.js';
import {
  decodeEntries,
  encodeLimit,
  freePermits,
  grantRequest,
  type GrantTerms,
  nextToGrant,
  type PermitCount,
  type PermitEntry,
  type SemaphoreLimit,
  toCount,
} from './semaphore-state.js';

/** What is asked for. */
export interface PermitTerms {
  readonly name: string;
  readonly weight: number;
  readonly metadata: Metadata | undefined;
  /** Written when the semaphore has no limit yet. */
  readonly initialLimit: SemaphoreLimit | undefined;
}

/** A semaphore as one waiter sees it. */
interface View {
  readonly count: PermitCount;
  /** The own entry in line. */
  readonly mine: KeyValue | undefined;
  /** Whoever stands just before it. */
  readonly ahead: KeyValue | undefined;
  /** The line from its oldest on, when it was asked for. */
  readonly line: readonly PermitEntry[];
}

/**
 * One way to permits: at once if nobody waits and enough are free, otherwise through the line. Only
 * the head of the line watches limit and holders; everybody else watches whoever is just before
 * them. With `firstFit` the head also grants to those behind it that fit, with their own leases, so
 * that a release still wakes one. Whoever ends a request must either keep the hold or drop it.
 */
export class PermitRequest {
  readonly place: QueuePlace;
  readonly heldKey: string;
  readonly #context: RecipeContext;
  readonly #keys: SemaphoreKeys;
  readonly #terms: PermitTerms;
  #granted: number | undefined;
  #lastWrite: Promise<unknown> = Promise.resolve();
  #isUnsure = false;
  /** The epoch of a grant that may still take effect, as far as is known. */
  #openEpoch: number | undefined;
  /** Whether anything was sent that could leave a key. */
  #hasWritten = false;

  constructor(context: RecipeContext, keys: SemaphoreKeys, place: QueuePlace, terms: PermitTerms) {
    this.#context = context;
    this.#keys = keys;
    this.place = place;
    this.#terms = terms;
    this.heldKey = keys.held + place.id;
  }

  /** The revision of the grant; undefined before it. */
  get grantRevision(): number | undefined {
    return this.#granted;
  }

  /**
   * Takes the permits when they are free and no earlier request would be passed over that could
   * have them.
   * @throws CoordinationError `InvalidArgument` when the semaphore has no limit
   */
  async tryNow(scope: CancelScope): Promise<void> {
    for (let conflicts = 0; ; conflicts++) {
      if ((await this.#attempt(scope)) !== 'conflict') return;
      await scope.pause(backoffMs(this.#context.store.random, conflicts));
    }
  }

  /**
   * Gets permits at once or an entry in line. A conflict is a reason to stand in line: a crowd that
   * tried again and again would be in each other's way.
   * @throws CoordinationError `InvalidArgument` when the semaphore has no limit
   */
  async begin(scope: CancelScope): Promise<void> {
    const outcome = await this.#attempt(scope);
    if (outcome === 'granted') return;
    this.#hasWritten = true;
    await this.place.enter(scope, this.#value());
  }

  /**
   * Waits for the grant, of a session that was alive after it.
   * @throws CoordinationError `LockLost` when the own entry was deleted
   */
  async wait(scope: CancelScope): Promise<number> {
    const { session } = this.place;
    for (;;) {
      await scope.race(session.confirmed());
      if (this.#granted !== undefined) {
        if (session.doubtful) continue;
        session.assertAlive();
        return this.#granted;
      }
      let view = await this.#look(scope, false);
      if (this.#granted !== undefined) continue;
      this.#checkMine(scope, view);
      if (this.#shouldSeeLine(view)) view = await this.#look(scope, true);
      const next = this.#nextToGrant(view);
      if (next === undefined) await this.#await(scope, view);
      else if (next.id !== this.place.id) await this.#grantTo(scope, view.count, next);
      else await this.#grant(scope, view.count, this.place.createRevision);
    }
  }

  /** Clears away what the request wrote, whatever became of it. */
  drop(): void {
    if (!this.#hasWritten) return;
    this.#undo(this.#isUnsure || this.place.isUnsure);
  }

  /**
   * To be called after a grant: a write of the entry in line whose answer was lost may still arrive
   * and stand in the way of others, so it is looked for now and after a TTL.
   */
  sweepLine(): void {
    this.place.sweep();
  }

  /** To be called after the release, for the same reason. */
  sweep(): void {
    if (this.place.isUnsure) this.#undo(true);
  }

  async #attempt(scope: CancelScope): Promise<'granted' | 'refused' | 'conflict'> {
    const { count, inLine } = await this.#count(scope);
    if (count.limit === undefined) throw noLimit(this.#terms.name);
    if (this.#terms.weight > freePermits(count)) return 'refused';
    if (inLine > 0 && count.limit.order === 'fifo') return 'refused';
    if (inLine > 0 && nextToGrant(count, await this.#readLine(scope)) !== undefined) {
      return 'refused';
    }
    const granted = await this.#grant(scope, count, inLine > 0 ? 'past' : 'alone');
    return granted ? 'granted' : 'conflict';
  }

  #undo(isUnsure: boolean): void {
    const success: readonly TxnOperation[] = [
      { kind: 'delete', key: this.place.key },
      { kind: 'delete', key: this.heldKey },
      ...this.#settle(),
    ];
    const { session } = this.place;
    const lastWrite = Promise.all([this.#lastWrite, this.place.lastWrite]);
    takeBack(this.#context, { session, lastWrite, isUnsure, undo: { success } });
  }

  /** Makes a grant that is still on its way rest on an old count. */
  #settle(): readonly TxnOperation[] {
    const operand = this.#openEpoch;
    if (operand === undefined) return [];
    const { epoch: key } = this.#keys;
    const compare = [{ key, target: 'mod', operator: '=', operand } as const];
    return [{ kind: 'txn', compare, success: [{ kind: 'put', key }] }];
  }

  /** Counts, and writes the first limit if there is none and one was given. */
  async #count(scope: CancelScope): Promise<{ count: PermitCount; inLine: number }> {
    const { initialLimit } = this.#terms;
    const key = this.#keys.limit;
    const reads: readonly TxnOperation[] = [
      ...this.#countReads(),
      { kind: 'range', ...prefix(this.#keys.line), countOnly: true },
    ];
    const request: TxnRequest =
      initialLimit === undefined
        ? { success: reads }
        : {
            compare: [{ key, target: 'create', operator: '=', operand: 0 }],
            success: [{ kind: 'put', key, value: encodeLimit(initialLimit) }, ...reads],
            failure: reads,
          };
    const { signal } = scope;
    const result = await scope.retry(() => this.#context.store.txn(request, { signal }));
    const responses = result.responses.slice(-reads.length);
    const line = responses.at(-1);
    return {
      count: toCount(result.header.revision, responses.map(rangeOf)),
      inLine: line?.kind === 'range' ? line.count : 0,
    };
  }

  #countReads(): readonly TxnOperation[] {
    const { limit, epoch, held } = this.#keys;
    return [
      { kind: 'range', key: limit },
      { kind: 'range', key: epoch },
      { kind: 'range', ...prefix(held) },
    ];
  }

  async #readLine(scope: CancelScope): Promise<readonly PermitEntry[]> {
    const { signal } = scope;
    const request = prefix(this.#keys.line);
    const read = await scope.retry(() => this.#context.store.range(request, { signal }));
    return decodeEntries(read.kvs);
  }

  async #look(scope: CancelScope, seeLine: boolean): Promise<View> {
    const { line } = this.#keys;
    const success: TxnOperation[] = [
      ...this.#countReads(),
      { kind: 'range', key: this.place.key },
      {
        kind: 'range',
        ...prefix(line),
        maxCreateRevision: this.place.createRevision - 1,
        sortTarget: 'create',
        sortOrder: 'descend',
        limit: 1,
        keysOnly: true,
      },
    ];
    if (seeLine) success.push({ kind: 'range', ...prefix(line) });
    const { signal } = scope;
    const result = await scope.retry(() => this.#context.store.txn({ success }, { signal }));
    const found = result.responses.map(rangeOf);
    const count = toCount(result.header.revision, found);
    this.#granted = count.held.find((entry) => entry.id === this.place.id)?.createRevision;
    return {
      count,
      mine: found[3]?.[0],
      ahead: found[4]?.[0],
      line: decodeEntries(found[5] ?? []),
    };
  }

  #checkMine(scope: CancelScope, { mine }: View): void {
    const { key, createRevision } = this.place;
    if (mine?.createRevision === createRevision) return;
    scope.check();
    const loss = { kind: 'deleted', key } as const;
    throw new CoordinationError('LockLost', `${key} was deleted while it waited`, { loss });
  }

  /** Whether somebody behind or before this entry might be granted. */
  #shouldSeeLine({ count, ahead }: View): boolean {
    if (count.limit?.order !== 'firstFit') return false;
    return freePermits(count) >= (ahead === undefined ? 1 : this.#terms.weight);
  }

  #nextToGrant({ count, ahead, line, mine }: View): PermitEntry | undefined {
    if (line.length > 0) return nextToGrant(count, line);
    if (ahead !== undefined || mine === undefined) return undefined;
    return nextToGrant(count, decodeEntries([mine]));
  }

  /** Whether the grant took place; if not, what it rested on has changed. */
  async #grant(
    scope: CancelScope,
    count: PermitCount,
    place: GrantTerms['place'],
  ): Promise<boolean> {
    const { id, session } = this.place;
    const terms: GrantTerms = { id, lease: session.lease, value: this.#value(), place };
    const request = grantRequest(this.#keys, count, terms);
    const openBefore = this.#openEpoch;
    this.#openEpoch = count.epochRevision;
    let isRepeated = false;
    const result = await scope.retry((failures) => {
      this.#hasWritten = true;
      isRepeated ||= failures > 0;
      this.#isUnsure ||= failures > 0;
      const write = session.attach(this.#context.store.txn(request));
      this.#lastWrite = write;
      return write;
    });
    this.#granted = grantedIn(result);
    if (this.#granted !== undefined) this.#openEpoch = undefined;
    else if (!isRepeated) this.#openEpoch = openBefore;
    return this.#granted !== undefined;
  }

  /** Grants to somebody behind, whose lease may have ended meanwhile; looking again tells. */
  async #grantTo(scope: CancelScope, count: PermitCount, entry: PermitEntry): Promise<void> {
    const { id, lease, weight, metadata, identity, createRevision } = entry;
    const sinceMs = this.#context.store.clock.wall();
    const value = JSON.stringify({ identity, sinceMs, metadata, weight });
    const terms: GrantTerms = { id, lease, value, place: createRevision };
    const request = grantRequest(this.#keys, count, terms);
    await scope.retry(async () => {
      try {
        await this.#context.store.txn(request);
      } catch (error) {
        if (!isStoreError(error, 'LeaseNotFound')) throw error;
      }
    });
  }

  async #await(scope: CancelScope, { count, ahead }: View): Promise<void> {
    const startRevision = count.revision + 1;
    const watches: WatchRequest[] = [{ key: this.place.key, startRevision, noPut: true }];
    if (ahead === undefined) {
      watches.push({ key: this.#keys.limit, startRevision });
      watches.push({ ...prefix(this.#keys.held), startRevision, noPut: true });
    } else {
      watches.push({ key: ahead.key, startRevision, noPut: true });
    }
    const pollMs = this.#context.safetyPollMs(this.place.session.ttlMs);
    await awaitChange(this.#context.store, scope, watches, pollMs);
  }

  #value(): string {
    const note = JSON.parse(encodeNote(this.#context, this.#terms.metadata)) as Metadata;
    return JSON.stringify({ ...note, weight: this.#terms.weight });
  }
}

function grantedIn(result: TxnResult): number | undefined {
  if (result.succeeded) return result.header.revision;
  return rangeOf(result.responses[0])?.[0]?.createRevision;
}

function noLimit(name: string): CoordinationError {
  return new CoordinationError(
    'InvalidArgument',
    `semaphore "${name}" has no limit: call setLimit, or give the handle an initialLimit`,
  );
}
