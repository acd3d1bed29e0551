import { type KeyValue, toText } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { enterQueue } from '../base/enter-queue.js';
import { CoordinationError } from '../errors.js';
import { HeldLock, LockHold } from './held-lock.js';
import { decodeNote, encodeNote, type Metadata } from '../base/note.js';
import { QueuePlace } from '../base/queue-place.js';
import type { Session, SessionOptions } from '../base/session.js';

/** How to take a lock. */
export interface LockOptions extends WaitOptions {
  /** What others see of this holder or waiter. */
  readonly metadata?: Metadata;
  /**
   * Who asks. One handle stands for one owner; with tokens it stands for as many as there are
   * tokens, and an owner that asks again while it holds the lock gets it again, to be released as
   * often.
   */
  readonly owner?: unknown;
  /** A session for this acquisition alone, instead of the shared one. */
  readonly privateSession?: SessionOptions;
}

/** One entry of a lock's queue. */
export interface LockEntry {
  readonly key: string;
  readonly lease: bigint;
  /** The fence that the entry has, or will have when its turn comes. */
  readonly fence: number;
  /** 0 for the holder, 1 for the first in line, and so on. */
  readonly position: number;
  readonly identity: string;
  /** Wall-clock milliseconds at which the entry was made, by its maker's clock. */
  readonly sinceMs: number | undefined;
  readonly metadata: Metadata;
}

/** What `tryAcquire` answers: the lock, or who has it. */
export type TryAcquireResult =
  | { readonly ok: true; readonly held: HeldLock }
  | { readonly ok: false; readonly holder: LockEntry | undefined; readonly waiting: number };

/** What an owner has of this handle: a hold, or one in the making. */
interface OwnerEntry {
  readonly taking: Promise<LockHold | undefined>;
  hold: LockHold | undefined;
  count: number;
}

/**
 * A mutual exclusion lock with a fair queue. A handle is cheap and holds nothing by itself; it
 * stands for one owner. The guarantee is towards the store: a write that carries `guard()` can only
 * succeed while the lock is held. For everything else there are `fence` and `signal`.
 *
 * @example
 * await using held = await coord.lock('jobs').acquire({ timeoutMs: 5000 });
 * await store.txn({ compare: [held.guard()], success: [{ kind: 'put', key: 'k', value: 'v' }] });
 */
export class Lock {
  readonly name: string;
  readonly #context: RecipeContext;
  readonly #prefix: string;
  readonly #owners = new Map<unknown, OwnerEntry>();

  constructor(context: RecipeContext, name: string) {
    this.#context = context;
    this.name = name;
    this.#prefix = `${name}/q/`;
  }

  /**
   * Waits in line for the lock.
   * @throws CoordinationError `Aborted`, `Timeout`, `SessionLost`, `WouldDeadlock`; `LockLost` when
   * somebody deleted the waiting entry
   */
  async acquire(options: LockOptions = {}): Promise<HeldLock> {
    const held = await this.#own(options.owner, () => this.#acquire(options));
    if (held === undefined) throw new Error('an acquisition ended without lock or error');
    return held;
  }

  /**
   * Takes the lock when nobody holds or awaits it, in one transaction that otherwise leaves
   * nothing.
   * @throws CoordinationError as `acquire`
   *
   * @example
   * const tried = await coord.lock('jobs').tryAcquire();
   * if (tried.ok) await tried.held.release();
   * else console.log('busy since', tried.holder?.sinceMs);
   */
  async tryAcquire(options: LockOptions = {}): Promise<TryAcquireResult> {
    let entries: readonly LockEntry[] = [];
    const held = await this.#own(options.owner, async () => {
      const tried = await this.#tryAcquire(options);
      if (tried instanceof LockHold) return tried;
      entries = tried;
      return undefined;
    });
    if (held !== undefined) return { ok: true, held };
    return { ok: false, holder: entries[0], waiting: Math.max(0, entries.length - 1) };
  }

  /** Who holds the lock and who waits, in order. */
  async entries(options: WaitOptions = {}): Promise<readonly LockEntry[]> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    const kvs = await QueuePlace.list(this.#context, scope, this.#prefix);
    return kvs.map(toEntry);
  }

  /** The holder; undefined when the lock is free. */
  async holder(options: WaitOptions = {}): Promise<LockEntry | undefined> {
    return (await this.entries(options))[0];
  }

  /** Those in line, the next one first. */
  async waiters(options: WaitOptions = {}): Promise<readonly LockEntry[]> {
    return (await this.entries(options)).slice(1);
  }

  /** Keeps the rule that a handle stands for one owner, or for one owner a token. */
  async #own(
    owner: unknown,
    take: () => Promise<LockHold | undefined>,
  ): Promise<HeldLock | undefined> {
    const known = this.#owners.get(owner);
    const entry = known?.hold?.ownership.signal.aborted === true ? undefined : known;
    if (entry !== undefined && owner === undefined) {
      const message = `this handle of lock "${this.name}" already holds or awaits it`;
      throw new CoordinationError('WouldDeadlock', message);
    }
    const mine = entry ?? this.#begin(owner, take);
    mine.count += 1;
    try {
      mine.hold = await mine.taking;
    } catch (error) {
      this.#forget(owner, mine);
      throw error;
    }
    if (mine.hold === undefined) this.#forget(owner, mine);
    return mine.hold && new HeldLock(mine.hold, () => this.#giveBack(owner, mine));
  }

  #begin(owner: unknown, take: () => Promise<LockHold | undefined>): OwnerEntry {
    const entry: OwnerEntry = { taking: take(), hold: undefined, count: 0 };
    this.#owners.set(owner, entry);
    return entry;
  }

  async #giveBack(owner: unknown, entry: OwnerEntry): Promise<void> {
    entry.count -= 1;
    if (entry.count > 0) return;
    this.#forget(owner, entry);
    await entry.hold?.release();
  }

  #forget(owner: unknown, entry: OwnerEntry): void {
    if (this.#owners.get(owner) === entry) this.#owners.delete(owner);
  }

  async #acquire(options: LockOptions): Promise<LockHold> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    const value = encodeNote(this.#context, options.metadata);
    const { place } = await this.#enter(scope, options, (entering, inner) =>
      entering.enter(inner, value),
    );
    try {
      const view = await place.reachHead(scope);
      return this.#hold(place, view.revision, options);
    } catch (error) {
      this.#drop(place, options);
      throw error;
    }
  }

  /** The hold, or the entries that were in the way. */
  async #tryAcquire(options: LockOptions): Promise<LockHold | readonly LockEntry[]> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    const value = encodeNote(this.#context, options.metadata);
    const { place, entry } = await this.#enter(scope, options, (entering, inner) =>
      entering.enterIfEmpty(inner, value),
    );
    try {
      if (entry.others.length === 0) {
        await scope.race(place.session.confirmed());
        return this.#hold(place, entry.revision, options);
      }
    } catch (error) {
      this.#drop(place, options);
      throw error;
    }
    if (options.privateSession !== undefined) await place.session.close();
    return entry.others.map((kv, position) => toEntry(kv, position));
  }

  #enter<T>(
    scope: CancelScope,
    options: LockOptions,
    enter: (place: QueuePlace, scope: CancelScope) => Promise<T>,
  ): Promise<{ readonly place: QueuePlace; readonly entry: T }> {
    return enterQueue(this.#context, scope, {
      session: () => this.#session(scope, options),
      place: (session) => new QueuePlace(this.#context, session, this.#prefix),
      enter,
      drop: (place) => this.#drop(place, options),
    });
  }

  #session(scope: CancelScope, options: LockOptions): Promise<Session> {
    const { sessions } = this.#context;
    if (options.privateSession === undefined) return sessions.shared(scope);
    return sessions.apart(scope, options.privateSession);
  }

  #drop(place: QueuePlace, options: LockOptions): void {
    if (options.privateSession === undefined) place.abandon();
    else void this.#context.track(place.session.close());
  }

  #hold(place: QueuePlace, revision: number, options: LockOptions): LockHold {
    return new LockHold(this.#context, {
      name: this.name,
      place,
      revision,
      closesSession: options.privateSession !== undefined,
    });
  }
}

function toEntry(kv: KeyValue, position: number): LockEntry {
  return {
    key: toText(kv.key),
    lease: kv.lease,
    fence: kv.createRevision,
    position,
    ...decodeNote(kv.value),
  };
}
