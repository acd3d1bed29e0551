import { BehaviorSubject, distinctUntilChanged, type Observable, of, switchMap } from 'rxjs';
import { LIMITS, type Store } from '../../store/index.js';
import { isCoordinationError } from '../errors.js';
import { CancelScope } from './cancel-scope.js';
import type { Ending } from './ending.js';
import { TIMING } from './timing.js';
import { Session, type SessionOptions, type SessionState } from './session.js';

/**
 * The sessions of one coordination object: one that everything shares, opened when first needed and
 * replaced after a loss, and private ones on demand. Owns them all and closes them all.
 */
export class SessionPool {
  readonly #store: Store;
  readonly #options: SessionOptions;
  readonly #closed: Ending;
  readonly #sessions = new Set<Session>();
  /** Those that outlive others, by how long both live. */
  readonly #outliving = new Map<string, Promise<Session>>();
  /** Those whose lease is not to be revoked by closing, each with those for whom it is kept. */
  readonly #kept = new Map<Session, Set<symbol>>();
  /** Keys that are to go all the same, by the session whose lease they have. */
  readonly #leftovers = new Map<Session, Set<string>>();
  readonly #current = new BehaviorSubject<Session | undefined>(undefined);
  #opening: Promise<Session> | undefined;

  constructor(store: Store, options: SessionOptions, closed: Ending) {
    this.#store = store;
    this.#options = options;
    this.#closed = closed;
  }

  /** The state of the shared session; null while there is none. */
  get state$(): Observable<SessionState | null> {
    return this.#current.pipe(
      distinctUntilChanged(),
      switchMap((session) => session?.state$ ?? of(null)),
    );
  }

  /**
   * The shared session, alive when it is handed out. Opening it is tried until `scope` ends, and
   * one that turns out to be over, as after a sleep of the machine, is replaced.
   */
  async shared(scope: CancelScope): Promise<Session> {
    for (;;) {
      const session = await scope.retry(() => this.#currentOrNew());
      try {
        await scope.race(session.confirmed());
        return session;
      } catch (error) {
        scope.check();
        if (!isCoordinationError(error, 'SessionLost')) throw error;
      }
    }
  }

  /** A session for one use; one that arrives after `scope` has ended is closed again. */
  apart(scope: CancelScope, options: SessionOptions): Promise<Session> {
    return scope.retry(() => {
      const opening = this.open(options);
      void opening.then(
        async (session) => {
          if (scope.signal.aborted) await session.close();
        },
        () => undefined,
      );
      return opening;
    });
  }

  /**
   * A session whose lease outlives a session of `ttlMs` by at least `delaySeconds`, whenever both
   * stop being renewed; shared by all who ask for the same.
   */
  async outliving(scope: CancelScope, ttlMs: number, delaySeconds: number): Promise<Session> {
    const key = `${ttlMs}+${delaySeconds}`;
    // Renewed as often as the other, the last renewal of its lease is at most half of the other's
    // TTL older; and a whole one when some were lost on the way.
    const ttlSeconds = Math.ceil((ttlMs * 2) / 1000 + delaySeconds);
    const keepAliveMs = ttlMs * TIMING.keepAliveFraction;
    return await scope.retry(() => this.#outlivingOrNew(key, { ttlSeconds, keepAliveMs }));
  }

  /**
   * Closing stops renewing this session, but leaves its lease to run out. Returns the way to take
   * that back, which takes nothing from others who keep the same lease.
   */
  keepLease(session: Session): () => void {
    const mine = Symbol('kept');
    const all = this.#kept.get(session) ?? new Set();
    this.#kept.set(session, all.add(mine));
    return () => {
      all.delete(mine);
      if (all.size === 0 && this.#kept.get(session) === all) this.#kept.delete(session);
    };
  }

  /**
   * Should closing leave the lease of this session to run out, it deletes this key, which is not
   * what the lease is kept for. Returns the way to take that back.
   */
  deleteAtClose(session: Session, key: string): () => void {
    const keys = this.#leftovers.get(session) ?? new Set();
    if (!this.#leftovers.has(session)) {
      this.#leftovers.set(session, keys);
      session.ended.follow(() => this.#leftovers.delete(session));
    }
    keys.add(key);
    return () => keys.delete(key);
  }

  /** A session that nobody shares. */
  async open(options: SessionOptions = {}): Promise<Session> {
    using scope = new CancelScope(this.#store, {}, this.#closed);
    scope.check();
    const session = await Session.open(this.#store, { ...this.#options, ...options });
    if (scope.signal.aborted) {
      await session.close();
      scope.check();
    }
    this.#sessions.add(session);
    session.ended.follow(() => this.#sessions.delete(session));
    return session;
  }

  /** Closes every session; the leases are revoked, side by side. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#sessions].map((session) =>
        this.#kept.has(session) ? this.#leave(session) : session.close(),
      ),
    );
    this.#current.complete();
  }

  /** Lets a lease run out, without what should not be there for so long. */
  async #leave(session: Session): Promise<void> {
    const { ttlSeconds = TIMING.sessionTtlSeconds } = this.#options;
    const timeoutMs = ttlSeconds * 1000 * TIMING.keepAliveFraction;
    using scope = new CancelScope(this.#store, { timeoutMs });
    const keys = [...(this.#leftovers.get(session) ?? [])];
    for (let at = 0; at < keys.length && !scope.signal.aborted; at += LIMITS.txnOperations) {
      const few = keys.slice(at, at + LIMITS.txnOperations);
      const success = few.map((key) => ({ kind: 'delete', key }) as const);
      // What cannot be deleted goes with the lease.
      await scope.retry(() => this.#store.txn({ success })).catch(() => undefined);
    }
    session.leave();
  }

  /** The one of that key, also while it is being opened. */
  #outlivingOrNew(key: string, options: SessionOptions): Promise<Session> {
    const known = this.#outliving.get(key);
    if (known !== undefined) {
      // A look at the state may be what ends it, and then it is forgotten.
      return known.then((session) =>
        session.state.kind === 'lost' ? this.#outlivingOrNew(key, options) : session,
      );
    }
    const opening = this.open(options);
    this.#outliving.set(key, opening);
    const forget = (): void => {
      if (this.#outliving.get(key) === opening) this.#outliving.delete(key);
    };
    opening.then((session) => session.ended.follow(forget), forget);
    return opening;
  }

  /** A failed opening fails everybody who waited for it; each decides for itself to try again. */
  #currentOrNew(): Promise<Session> {
    const current = this.#current.value;
    if (current !== undefined && current.state.kind !== 'lost') return Promise.resolve(current);
    this.#opening ??= this.#openShared().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openShared(): Promise<Session> {
    const session = await this.open();
    this.#current.next(session);
    return session;
  }
}
