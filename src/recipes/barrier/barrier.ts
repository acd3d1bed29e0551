import type { Observable } from 'rxjs';
import { type Compare, type KeyValue, toText } from '../../store/index.js';
import { awaitChange } from '../base/await-change.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import type { Guarded } from '../base/guarded.js';
import { KeyHold } from '../base/key-hold.js';
import { decodeNote, encodeNote, type Metadata } from '../base/note.js';
import { OwnKey } from '../base/own-key.js';
import { RecipeView } from '../base/recipe-view.js';
import { tellParticipant } from '../base/tell.js';
import { TIMING } from '../base/timing.js';
import type { Participant, WaitPlan } from '../base/wait-plan.js';
import { isCoordinationError } from '../errors.js';
import { barrierKeys } from './barrier-layout.js';
import { HeldBarrier } from './held-barrier.js';

/** How to close a barrier. */
export interface CloseBarrierOptions extends WaitOptions {
  /** What others see of the one who closed it. */
  readonly metadata?: Metadata;
}

/** What `hold` answers: the closed barrier, or who had closed it before. */
export type HoldBarrierResult =
  | { readonly ok: true; readonly held: HeldBarrier }
  | { readonly ok: false; readonly closedBy: Participant | undefined };

/** A barrier at one revision. */
export interface BarrierStatus {
  readonly revision: number;
  readonly isClosed: boolean;
  readonly closedBy: Participant | undefined;
  /** Whether it opens by itself when the one who closed it dies. */
  readonly isLeased: boolean;
}

/**
 * A gate for any number of waiters, which is closed while one key exists. Somebody holds it closed
 * as long as their session lives, or closes it until somebody opens it. Waiting ends only on a read
 * that shows the gate open: a watch that breaks means that the waiter looks again, and never that
 * the way is free. (After the barriers of ZooKeeper's and etcd's recipes.)
 *
 * @example
 * await coord.barrier('migration').wait({ timeoutMs: 600_000 });
 */
export class Barrier implements Guarded {
  readonly name: string;
  /** Whether it is closed, and by whom, at each revision. */
  readonly status$: RecipeView<BarrierStatus>;
  /** What a wait would meet now. */
  readonly plan$: Observable<WaitPlan<'closed'>>;
  readonly #context: RecipeContext;
  readonly #key: string;

  constructor(context: RecipeContext, name: string) {
    this.#context = context;
    this.name = name;
    const { all, closed } = barrierKeys(name);
    this.#key = closed;
    const prefixes = [all] as const;
    this.status$ = new RecipeView(context, {
      prefixes,
      derive: ([{ revision, entries }]) => statusOf(revision, entries.get('closed')),
    });
    this.plan$ = new RecipeView(context, {
      prefixes,
      derive: ([{ revision, entries }]) => planOf(statusOf(revision, entries.get('closed'))),
    });
  }

  /**
   * Closes the barrier for as long as this process keeps it closed: it opens when the session ends.
   * @throws CoordinationError `Aborted`, `Timeout`, `SessionLost`
   */
  async hold(options: CloseBarrierOptions = {}): Promise<HoldBarrierResult> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const { own, closedBy } = await this.#take(scope, options);
    if (own === undefined) return { ok: false, closedBy };
    const hold = new KeyHold(this.#context, {
      what: `closed barrier "${this.name}"`,
      key: own.key,
      session: own.session,
      createRevision: own.createRevision,
      revision: own.createRevision,
      ended: () => own.sweep(),
    });
    const { ownership } = hold;
    ownership.signal.addEventListener(
      'abort',
      () => {
        if (ownership.loss !== undefined) own.sweep();
      },
      { once: true },
    );
    return { ok: true, held: new HeldBarrier(hold) };
  }

  /**
   * Closes the barrier until somebody opens it, whoever dies meanwhile. Answers whether it was open
   * before, so that this call closed it. The key begins with a lease and is then detached from it,
   * so that a write which arrives too late cannot close the barrier for good.
   * @throws CoordinationError `Aborted`, `Timeout`, `SessionLost`
   */
  async close(options: CloseBarrierOptions = {}): Promise<boolean> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const value = encodeNote(this.#context, options.metadata);
    for (;;) {
      const { own } = await this.#take(scope, options);
      if (own === undefined) return false;
      if (await this.#detach(scope, own, value)) return true;
    }
  }

  /**
   * Opens the barrier, whoever closed it, as it is when this call looks; a later closing stays.
   * Answers whether it was closed. Somebody who holds it closed is told `LockLost`.
   * @throws CoordinationError `Aborted`, `Timeout`
   */
  async open(options: WaitOptions = {}): Promise<boolean> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const read = await scope.retry(() => store.range({ key: this.#key }, { signal: scope.signal }));
    const kv = read.kvs[0];
    if (kv === undefined) return false;
    const { key, createRevision } = kv;
    await scope.retry(() =>
      store.txn({
        compare: [{ key, target: 'create', operator: '=', operand: createRevision }],
        success: [{ kind: 'delete', key }],
      }),
    );
    return true;
  }

  /**
   * Waits until the barrier is open; the answer is the revision at which it was seen so.
   * @throws CoordinationError `Aborted`, `Timeout`
   */
  async wait(options: WaitOptions = {}): Promise<number> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const key = this.#key;
    for (;;) {
      const read = await scope.retry(() => store.range({ key }, { signal: scope.signal }));
      const { revision } = read.header;
      if (read.kvs.length === 0) return revision;
      const watch = { key, startRevision: revision + 1, noPut: true };
      await awaitChange(store, scope, [watch], TIMING.sessionTtlSeconds * 1000);
    }
  }

  /** The barrier as it is now. */
  async status(options: WaitOptions = {}): Promise<BarrierStatus> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const read = await scope.retry(() => store.range({ key: this.#key }, { signal: scope.signal }));
    return statusOf(read.header.revision, read.kvs[0]);
  }

  /** The condition "the barrier is open", for any transaction. */
  guard(): Compare {
    return { key: this.#key, target: 'create', operator: '=', operand: 0 };
  }

  /** Closes the barrier with a lease, or tells who had closed it. */
  async #take(
    outer: CancelScope,
    { metadata }: CloseBarrierOptions,
  ): Promise<{ readonly own?: OwnKey; readonly closedBy: Participant | undefined }> {
    const { store, sessions } = this.#context;
    for (;;) {
      const session = await sessions.shared(outer);
      using scope = new CancelScope(store, {}, outer.ended, session.ended);
      const own = new OwnKey(this.#context, session, this.#key, this.#value(metadata));
      try {
        const { isMine, other } = await own.create(scope);
        if (!isMine) return { closedBy: other && toParticipant(other) };
        await scope.race(session.confirmed());
        return { own, closedBy: undefined };
      } catch (error) {
        own.drop();
        // The session may have ended unheard before anything was closed; then a new one does it.
        const isUnheard = own.createRevision === 0 && isCoordinationError(error, 'SessionLost');
        if (outer.signal.aborted || !isUnheard) throw error;
      }
    }
  }

  /**
   * Frees the closing from its lease. False: the lease ended first, so that nothing is closed. When
   * somebody opened it meanwhile it was closed all the same.
   */
  async #detach(scope: CancelScope, own: OwnKey, value: string): Promise<boolean> {
    const { key, createRevision, session } = own;
    try {
      const { succeeded } = await scope.retry(() =>
        this.#context.store.txn({
          compare: [{ key, target: 'create', operator: '=', operand: createRevision }],
          success: [{ kind: 'put', key, value }],
        }),
      );
      if (!succeeded) await scope.race(session.verify());
      own.sweep();
      return succeeded || session.state.kind !== 'lost';
    } catch (error) {
      own.drop();
      throw error;
    }
  }

  #value(metadata: Metadata | undefined): string {
    const note = JSON.parse(encodeNote(this.#context, metadata)) as Metadata;
    return JSON.stringify({ ...note, nonce: this.#context.store.random.hex(8) });
  }
}

function toParticipant(kv: KeyValue): Participant {
  return { key: toText(kv.key), ...decodeNote(kv.value) };
}

function statusOf(revision: number, kv: KeyValue | undefined): BarrierStatus {
  const closedBy = kv && toParticipant(kv);
  const isLeased = kv !== undefined && kv.lease !== 0n;
  return { revision, isClosed: kv !== undefined, closedBy, isLeased };
}

function planOf({ revision, closedBy, isLeased }: BarrierStatus): WaitPlan<'closed'> {
  if (closedBy === undefined) {
    const reason = 'the barrier is open';
    return { revision, state: 'free', position: 0, rule: undefined, blockers: [], reason };
  }
  const how = isLeased ? 'held closed by' : 'closed until somebody opens it, by';
  const reason = `${how} ${tellParticipant(closedBy)}`;
  return { revision, state: 'waiting', position: 0, rule: 'closed', blockers: [closedBy], reason };
}
