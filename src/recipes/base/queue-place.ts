import {
  type BytesInput,
  equalBytes,
  type KeyValue,
  prefix,
  toBytes,
  toText,
  type TxnOperation,
  type TxnOperationResult,
  type TxnRequest,
  type TxnResult,
} from '../../store/index.js';
import { awaitChange } from './await-change.js';
import { CancelScope } from './cancel-scope.js';
import type { RecipeContext } from './context.js';
import { CoordinationError } from '../errors.js';
import { leaseHex } from './names.js';
import type { Session } from './session.js';

/** A queue as seen from one place in it, at one revision. */
export interface QueueView {
  readonly revision: number;
  /** The entry just before this one; undefined at the head. */
  readonly ahead: KeyValue | undefined;
  /** The answers to what was asked for besides. */
  readonly extra: readonly TxnOperationResult[];
}

/**
 * One entry in a queue of leased keys that is ordered by create revision. Its key has a nonce of
 * its own, so no two acquisitions, not even of one session, can be taken for each other, and a
 * write that is tried again finds its own key. Whoever enters must leave, also when entering failed
 * halfway.
 */
export class QueuePlace {
  readonly key: string;
  /** The part of the key after the prefix. */
  readonly id: string;
  readonly session: Session;
  readonly #context: RecipeContext;
  readonly #prefix: string;
  readonly #alsoRemove: readonly TxnOperation[];
  #createRevision = 0;
  #firstView: QueueView | undefined;
  /**
   * The write of the entry that was sent last, and whether an earlier one may still take effect.
   */
  #lastWrite: Promise<unknown> = Promise.resolve();
  #unsure = false;

  /** @param alsoRemove - What goes with an abandoned entry, given its id. */
  constructor(
    context: RecipeContext,
    session: Session,
    queuePrefix: string,
    alsoRemove?: (id: string) => TxnOperation,
  ) {
    this.#context = context;
    this.session = session;
    this.#prefix = queuePrefix;
    this.id = `${leaseHex(session.lease)}-${context.store.random.hex(8)}`;
    this.key = queuePrefix + this.id;
    this.#alsoRemove = alsoRemove === undefined ? [] : [alsoRemove(this.id)];
  }

  /** The revision at which the entry came into being: its place in the order. */
  get createRevision(): number {
    return this.#createRevision;
  }

  /** The write of the entry that was sent last, and its fate. */
  get lastWrite(): Promise<unknown> {
    return this.#lastWrite;
  }

  /** Whether a write of the entry went unanswered and may still take effect. */
  get isUnsure(): boolean {
    return this.#unsure;
  }

  /** Whether the entry was the first one when it was written. */
  get wasFirst(): boolean {
    return this.#firstView !== undefined;
  }

  /** Writes the entry, exactly once however often that has to be tried. */
  async enter(scope: CancelScope, value: BytesInput): Promise<void> {
    // The order is named: without a name, a limit would look at the first keys by name alone.
    const first: TxnOperation = {
      kind: 'range',
      ...prefix(this.#prefix),
      sortTarget: 'create',
      sortOrder: 'ascend',
      limit: 1,
      keysOnly: true,
    };
    const result = await scope.retry((failures) => {
      this.#unsure ||= failures > 0;
      return this.write({
        compare: [{ key: this.key, target: 'create', operator: '=', operand: 0 }],
        success: [{ kind: 'put', key: this.key, value, lease: this.session.lease }, first],
        failure: [{ kind: 'range', key: this.key }, first],
      });
    });
    const revision = result.header.revision;
    const found = rangeOf(result.responses[0])?.[0];
    this.#createRevision = result.succeeded ? revision : (found?.createRevision ?? 0);
    const head = rangeOf(result.responses[1])?.[0];
    if (head !== undefined && equalBytes(head.key, toBytes(this.key))) {
      this.#firstView = { revision, ahead: undefined, extra: [] };
    }
  }

  /**
   * Writes the entry if the queue is empty, in one transaction; otherwise `others` has who is in
   * it. The range comparison judges the whole queue, so nothing can come in between.
   */
  async enterIfEmpty(
    scope: CancelScope,
    value: BytesInput,
  ): Promise<{ readonly revision: number; readonly others: readonly KeyValue[] }> {
    const queue = prefix(this.#prefix);
    const result = await scope.retry((failures) => {
      this.#unsure ||= failures > 0;
      return this.write({
        compare: [{ ...queue, target: 'create', operator: '=', operand: 0 }],
        success: [{ kind: 'put', key: this.key, value, lease: this.session.lease }],
        failure: [{ kind: 'range', ...queue, sortTarget: 'create', sortOrder: 'ascend' }],
      });
    });
    const { revision } = result.header;
    const found = rangeOf(result.responses[0]) ?? [];
    const mine = found.find((kv) => equalBytes(kv.key, toBytes(this.key)));
    this.#createRevision = mine?.createRevision ?? revision;
    // After a lost answer the only thing in the way may be this entry itself.
    if (result.succeeded || mine !== undefined) return { revision, others: [] };
    if (this.#unsure) this.abandon();
    return { revision, others: found };
  }

  /**
   * Reads the queue at one revision.
   * @throws CoordinationError `LockLost` when the entry is not there any more
   */
  async look(scope: CancelScope, extra: readonly TxnOperation[] = []): Promise<QueueView> {
    const known = this.#firstView;
    this.#firstView = undefined;
    if (known !== undefined && extra.length === 0) return known;
    const result = await scope.retry(() => this.#read(scope, extra));
    const me = rangeOf(result.responses[0])?.[0];
    if (me?.createRevision !== this.#createRevision) {
      scope.check();
      const loss = { kind: 'deleted', key: this.key } as const;
      throw new CoordinationError('LockLost', `${this.key} was deleted while it waited`, { loss });
    }
    return {
      revision: result.header.revision,
      ahead: rangeOf(result.responses[1])?.[0],
      extra: result.responses.slice(2),
    };
  }

  /**
   * Sends a transaction on behalf of the entry, which must have ended before the entry is removed.
   */
  write(request: TxnRequest): Promise<TxnResult> {
    const write = this.session.attach(this.#context.store.txn(request));
    this.#lastWrite = write;
    return write;
  }

  /** Waits until `key` or this entry may be gone, as seen from `view`. */
  async awaitGone(scope: CancelScope, view: QueueView, key: BytesInput): Promise<void> {
    const startRevision = view.revision + 1;
    const watches = [
      { key, startRevision, noPut: true },
      { key: this.key, startRevision, noPut: true },
    ];
    const pollMs = this.#context.safetyPollMs(this.session.ttlMs);
    await awaitChange(this.#context.store, scope, watches, pollMs);
  }

  /**
   * Waits for the head of the queue; the answer is a view from the head, of a session that was
   * alive after the view was taken.
   */
  async reachHead(scope: CancelScope): Promise<QueueView> {
    for (;;) {
      await scope.race(this.session.confirmed());
      const view = await this.look(scope);
      if (view.ahead !== undefined) {
        await this.awaitGone(scope, view, view.ahead.key);
        continue;
      }
      if (this.session.doubtful) continue;
      this.session.assertAlive();
      return view;
    }
  }

  /**
   * Removes the entry behind the caller's back. The last write of it must have ended first, or it
   * could arrive after its own removal; one whose fate is unknown is looked for again after a TTL.
   */
  abandon(): void {
    const remove = async (): Promise<void> => {
      using scope = new CancelScope(
        this.#context.store,
        {},
        this.session.ended,
        this.#context.closed,
      );
      const certain = await scope.race(
        this.#lastWrite.then(() => !this.#unsure).catch(() => false),
      );
      if ((await this.#remove(scope)) || certain) return;
      await scope.pause(this.session.ttlMs);
      await this.#remove(scope);
    };
    void this.#context.track(remove()).catch(() => undefined);
  }

  /**
   * To be called after the entry was removed in order: a write of it whose answer was lost may
   * still arrive and bring it back to life, so in that case it is looked for again after a TTL.
   */
  sweep(): void {
    if (this.#unsure) this.abandon();
  }

  /** Every entry of a queue, in order. */
  static async list(
    context: RecipeContext,
    scope: CancelScope,
    queuePrefix: string,
  ): Promise<readonly KeyValue[]> {
    const { store } = context;
    const request = { ...prefix(queuePrefix), sortTarget: 'create', sortOrder: 'ascend' } as const;
    const read = await scope.retry(() => store.range(request, { signal: scope.signal }));
    return read.kvs.filter((kv) => toText(kv.key).startsWith(queuePrefix));
  }

  async #remove(scope: CancelScope): Promise<boolean> {
    const success = [{ kind: 'delete', key: this.key } as const, ...this.#alsoRemove];
    const result = await scope.retry(() => this.#context.store.txn({ success }));
    const [removed] = result.responses;
    return removed?.kind === 'delete' && removed.deleted > 0;
  }

  #read(scope: CancelScope, extra: readonly TxnOperation[]): Promise<TxnResult> {
    const ahead: TxnOperation = {
      kind: 'range',
      ...prefix(this.#prefix),
      maxCreateRevision: this.#createRevision - 1,
      sortTarget: 'create',
      sortOrder: 'descend',
      limit: 1,
      keysOnly: true,
    };
    const me: TxnOperation = { kind: 'range', key: this.key };
    return this.#context.store.txn({ success: [me, ahead, ...extra] }, { signal: scope.signal });
  }
}

/** The pairs that an operation of a transaction found. */
export function rangeOf(result: TxnOperationResult | undefined): readonly KeyValue[] | undefined {
  return result?.kind === 'range' ? result.kvs : undefined;
}
