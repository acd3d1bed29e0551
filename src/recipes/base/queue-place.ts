import { Observable } from 'rxjs';
import {
  type BytesInput,
  type Compare,
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
import type { CancelScope } from './cancel-scope.js';
import type { RecipeContext } from './context.js';
import { CoordinationError, describeLoss } from '../errors.js';
import { Heir } from './heir.js';
import { leaseHex } from './names.js';
import { isKeptFree } from './kept-free.js';
import type { QueueShape, QueueView, TryEntry } from './queue-view.js';
import type { Session } from './session.js';
import { takeBack } from './take-back.js';
import { whyGone } from './why-gone.js';

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
  readonly #shape: QueueShape;
  #createRevision = 0;
  /** The line as it was when the entry was made, until somebody looks. */
  #firstView: QueueView | undefined;
  #wasFirst = false;
  /**
   * The write of the entry that was sent last, and whether an earlier one may still take effect.
   */
  #lastWrite: Promise<unknown> = Promise.resolve();
  #unsure = false;

  /**
   * @param alsoRemove - What goes with an abandoned entry, given its id.
   * @param shape - How the queue differs from a plain one.
   */
  constructor(
    context: RecipeContext,
    session: Session,
    queuePrefix: string,
    alsoRemove?: (id: string) => TxnOperation,
    shape: QueueShape = {},
  ) {
    this.#context = context;
    this.session = session;
    this.#prefix = queuePrefix;
    this.id = `${leaseHex(session.lease)}-${context.store.random.hex(8)}`;
    this.key = queuePrefix + this.id;
    this.#shape = shape;
    const alsoPut = shape.alsoPut?.(this.id);
    this.#alsoRemove = [
      ...(alsoRemove === undefined ? [] : [alsoRemove(this.id)]),
      ...(alsoPut === undefined ? [] : [{ kind: 'delete', key: alsoPut } as const]),
    ];
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
    return this.#wasFirst;
  }

  /** The operations that remove the entry and what goes with it. */
  get removal(): readonly TxnOperation[] {
    return [{ kind: 'delete', key: this.key }, ...this.#alsoRemove];
  }

  /** The operations that write the entry, its own key first. */
  entryOperations(value: BytesInput): readonly TxnOperation[] {
    const { lease } = this.session;
    const also = this.#shape.alsoPut?.(this.id);
    const own = { kind: 'put', key: this.key, value, lease } as const;
    return also === undefined ? [own] : [own, { kind: 'put', key: also, lease }];
  }

  /** The conditions under which an entry would be served at once. */
  emptyCompares(): readonly Compare[] {
    const { aheadPrefix = this.#prefix, delayPrefix } = this.#shape;
    const prefixes = delayPrefix === undefined ? [aheadPrefix] : [aheadPrefix, delayPrefix];
    return prefixes.map((text) => ({
      ...prefix(text),
      target: 'create',
      operator: '=',
      operand: 0,
    }));
  }

  /**
   * Writes the entry, exactly once however often that has to be tried, and reads who is last in
   * line just before it does: that is who will be just ahead.
   */
  async enter(scope: CancelScope, value: BytesInput): Promise<void> {
    const puts = this.entryOperations(value);
    const asked = this.#inTheWay();
    const result = await scope.retry((failures) => {
      this.#unsure ||= failures > 0;
      return this.write({
        compare: [{ key: this.key, target: 'create', operator: '=', operand: 0 }],
        success: [...asked, ...puts],
        failure: [{ kind: 'range', key: this.key }],
      });
    });
    const revision = result.header.revision;
    if (result.succeeded) {
      this.#createRevision = revision;
      const [ahead, delay] = result.responses.slice(0, asked.length).map((r) => rangeOf(r)?.[0]);
      this.#wasFirst = ahead === undefined;
      this.#firstView = { revision, ahead: ahead ?? delay, extra: [] };
    } else this.#createRevision = rangeOf(result.responses[0])?.[0]?.createRevision ?? 0;
  }

  /**
   * Writes the entry if it would be served at once, in one transaction; otherwise `others` has who
   * is in the queue. The range comparison judges the whole queue, so nothing can come in between.
   */
  async enterIfEmpty(scope: CancelScope, value: BytesInput): Promise<TryEntry> {
    const absent: Compare = { key: this.key, target: 'create', operator: '=', operand: 0 };
    const listed: TxnOperation = {
      kind: 'range',
      ...prefix(this.#prefix),
      sortTarget: 'create',
      sortOrder: 'ascend',
    };
    const { delayPrefix = '' } = this.#shape;
    const delays = { kind: 'range', ...prefix(delayPrefix), keysOnly: true } as const;
    const result = await scope.retry((failures) => {
      this.#unsure ||= failures > 0;
      return this.write({
        compare: [absent, ...this.emptyCompares()],
        success: this.entryOperations(value),
        failure: delayPrefix === '' ? [listed] : [listed, delays],
      });
    });
    const { revision } = result.header;
    const found = rangeOf(result.responses[0]) ?? [];
    const mine = found.find((kv) => equalBytes(kv.key, toBytes(this.key)));
    // After a lost answer the only thing in the way may be this entry itself.
    this.#createRevision = mine?.createRevision ?? revision;
    if (result.succeeded || mine !== undefined) return { revision, entered: true };
    if (this.#unsure) this.abandon();
    const entries = { prefix: this.#prefix, kvs: found };
    const delayed = { prefix: delayPrefix, kvs: rangeOf(result.responses[1]) ?? [] };
    return { revision, entered: false, others: found, isKeptFree: isKeptFree(entries, delayed) };
  }

  /**
   * Takes note of a transaction that writes this entry among others.
   * @param unsure - Whether an earlier one may still take effect.
   */
  wrote(write: Promise<unknown>, unsure: boolean): void {
    this.#lastWrite = write;
    this.#unsure ||= unsure;
  }

  /** Takes note that the entry exists since this revision. */
  entered(createRevision: number): void {
    this.#createRevision = createRevision;
  }

  /**
   * Reads the queue at one revision.
   * @throws CoordinationError `LockLost` when the entry is not there any more, `SessionLost` when
   * it is gone with its lease
   */
  async look(scope: CancelScope, extra: readonly TxnOperation[] = []): Promise<QueueView> {
    const known = this.#firstView;
    this.#firstView = undefined;
    this.#wasFirst = false;
    if (known !== undefined && extra.length === 0) return known;
    const result = await scope.retry(() => this.#read(scope, extra));
    const me = rangeOf(result.responses[0])?.[0];
    if (me?.createRevision !== this.#createRevision) {
      throw await this.#lost(scope);
    }
    const asked = this.#inTheWay().length;
    const [ahead, delay] = result.responses.slice(1, 1 + asked).map((found) => rangeOf(found)?.[0]);
    return {
      revision: result.header.revision,
      ahead: ahead ?? delay,
      extra: result.responses.slice(1 + asked),
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

  /**
   * Waits until the key `ahead` or this entry may be gone, as seen from `view`.
   * @param heir - To be known as the one that waits for the entry `ahead`.
   */
  async awaitGone(
    scope: CancelScope,
    view: QueueView,
    ahead: Uint8Array,
    heir?: Heir,
  ): Promise<void> {
    const { revision } = view;
    const key = toText(ahead);
    const entries = this.#context.ownEntries(this.#ownPrefix);
    const isOwn = entries.covers(key);
    const gone = isOwn
      ? entries.deletion(key, revision)
      : { key, startRevision: revision + 1, noPut: true };
    const own = entries.deletion(this.key, revision);
    const watches =
      heir !== undefined && gone instanceof Observable
        ? [heir.turn(gone), heir.released, heir.own(own)]
        : [gone, own];
    const forget = isOwn && heir !== undefined ? entries.addHeir(key, heir) : undefined;
    try {
      const pollMs = this.#context.safetyPollMs(this.session.ttlMs);
      await awaitChange(this.#context.store, scope, watches, pollMs);
    } finally {
      forget?.();
    }
  }

  /**
   * Waits for the head of the queue; the answer is a view from the head, of a session that was
   * alive after the view was taken.
   */
  async reachHead(scope: CancelScope): Promise<QueueView> {
    let view: QueueView | undefined;
    for (;;) {
      await this.#sessionConfirmed(scope);
      view ??= await this.look(scope);
      if (view.ahead !== undefined) {
        const heir = this.#asHeir();
        await this.awaitGone(scope, view, view.ahead.key, heir);
        const revision = heir?.turnRevision;
        view = revision === undefined ? undefined : { revision, ahead: undefined, extra: [] };
        continue;
      }
      if (!this.session.doubtful) {
        this.session.assertAlive();
        return view;
      }
      view = undefined;
    }
  }

  /**
   * Who of this process waits right behind this entry and for nothing else, provided that this one
   * is the first, which whoever asks must know. Where several are served side by side nobody is.
   */
  get heir(): Heir | undefined {
    if (!this.#isServedAlone) return undefined;
    return this.#context.followedEntries(this.#ownPrefix)?.heirOf(this.key);
  }

  /**
   * Removes the entry behind the caller's back. The last write of it must have ended first, or it
   * could arrive after its own removal; one whose fate is unknown is looked for again later.
   * @param withRest - Whether what goes with the entry is removed, too.
   */
  abandon(withRest = true): void {
    takeBack(this.#context, {
      session: this.session,
      lastWrite: this.#lastWrite,
      isUnsure: this.#unsure,
      undo: { success: withRest ? this.removal : this.removal.slice(0, 1) },
    });
  }

  /**
   * To be called after the entry was removed in order: a write of it whose answer was lost may
   * still arrive and bring it back to life, so in that case it is looked for again later.
   * @param withRest - As for `abandon`.
   */
  sweep(withRest = true): void {
    if (this.#unsure) this.abandon(withRest);
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

  /** Of the entries that the session has in this line. */
  get #ownPrefix(): string {
    return `${this.#prefix}${leaseHex(this.session.lease)}-`;
  }

  /** As one that can be told by the entry just ahead that its turn has come. */
  #asHeir(): Heir | undefined {
    if (!this.#isServedAlone) return undefined;
    const { key } = this;
    const { delayPrefix } = this.#shape;
    return new Heir(this.#context.store, {
      key,
      createRevision: this.#createRevision,
      delayPrefix,
    });
  }

  /** Takes no time when there is no doubt, as there hardly ever is. */
  async #sessionConfirmed(scope: CancelScope): Promise<void> {
    if (this.session.doubtful) await scope.race(this.session.confirmed());
    scope.check();
    this.session.assertAlive();
  }

  /** Whether nobody else can be served while this entry is. */
  get #isServedAlone(): boolean {
    return this.#shape.aheadPrefix === undefined;
  }

  #read(scope: CancelScope, extra: readonly TxnOperation[]): Promise<TxnResult> {
    const me: TxnOperation = { kind: 'range', key: this.key };
    const success = [me, ...this.#inTheWay(), ...extra];
    return this.#context.store.txn({ success }, { signal: scope.signal });
  }

  /**
   * What is asked for to see who is in the way: the last of all before the entry exists, then the
   * last before it; and a delay. The order is named, or a limit would look at the first by name.
   */
  #inTheWay(): readonly TxnOperation[] {
    const { aheadPrefix = this.#prefix, delayPrefix } = this.#shape;
    const before = this.#createRevision - 1;
    const line = prefix(aheadPrefix);
    const ahead: TxnOperation = {
      kind: 'range',
      key: line.key,
      rangeEnd: line.rangeEnd,
      // 0 is no bound.
      maxCreateRevision: Math.max(0, before),
      sortTarget: 'create',
      sortOrder: 'descend',
      limit: 1,
      keysOnly: true,
    };
    if (delayPrefix === undefined) return [ahead];
    const { key, rangeEnd } = prefix(delayPrefix);
    const delay = { kind: 'range', key, rangeEnd, limit: 1, keysOnly: true } as const;
    return [ahead, delay];
  }

  /** Why the entry is not there any more. */
  async #lost(scope: CancelScope): Promise<unknown> {
    const { brokenKey } = this.#shape;
    const gone = { key: this.key, brokenKey };
    const loss = await whyGone(this.#context, this.session, gone, scope.ended);
    if (scope.signal.aborted) return scope.signal.reason;
    if (this.session.ended.isOver) return this.session.ended.reason;
    const message = `lost while waiting: ${describeLoss(loss)}`;
    return new CoordinationError('LockLost', message, { loss });
  }
}

/** The pairs that an operation of a transaction found. */
export function rangeOf(result: TxnOperationResult | undefined): readonly KeyValue[] | undefined {
  return result?.kind === 'range' ? result.kvs : undefined;
}
