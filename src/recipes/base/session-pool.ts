import { BehaviorSubject, distinctUntilChanged, type Observable, of, switchMap } from 'rxjs';
import type { Store } from '../../store/index.js';
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
  /** Those whose lease is not to be revoked by closing. */
  readonly #kept = new Set<Session>();
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

  /** The shared session, alive when it is handed out. Opening it is tried until `scope` ends. */
  async shared(scope: CancelScope): Promise<Session> {
    const session = await scope.retry(() => this.#currentOrNew());
    await scope.race(session.confirmed());
    return session;
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
    const known = await this.#outliving.get(key)?.catch(() => undefined);
    if (known !== undefined && known.state.kind !== 'lost') return known;
    return await scope.retry(() => {
      // Renewed as often as the other, the last renewal of its lease is at most half of the other's
      // TTL older; and a whole one when some were lost on the way.
      const ttlSeconds = Math.ceil((ttlMs * 2) / 1000 + delaySeconds);
      const opening = this.open({ ttlSeconds, keepAliveMs: ttlMs * TIMING.keepAliveFraction });
      this.#outliving.set(key, opening);
      return opening;
    });
  }

  /**
   * Closing stops renewing this session, but leaves its lease to run out. Returns the way to take
   * that back.
   */
  keepLease(session: Session): () => void {
    this.#kept.add(session);
    return () => this.#kept.delete(session);
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
    for (const session of this.#kept) session.leave();
    await Promise.all([...this.#sessions].map((session) => session.close()));
    this.#current.complete();
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
