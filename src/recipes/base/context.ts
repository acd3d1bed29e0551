import { Observable } from 'rxjs';
import type { AsyncContext } from '../../ports/async-context.js';
import type { Store } from '../../store/index.js';
import { CancelScope } from './cancel-scope.js';
import type { Ending } from './ending.js';
import { CoordinationError } from '../errors.js';
import { OwnEntries } from './own-entries.js';
import type { SessionPool } from './session-pool.js';
import { TIMING } from './timing.js';

/**
 * What the recipes of one coordination object share: the store, the sessions, and the end. Work
 * that runs behind a caller's back is tracked here, so that closing can wait for it.
 */
export class RecipeContext {
  readonly store: Store;
  readonly sessions: SessionPool;
  /** Who this process says it is, for people who list holders. */
  readonly identity: string;
  /** The end of the coordination object. */
  readonly closed: Ending;
  /** Tells work that holds a lock from other work, where somebody can. */
  readonly asyncContext: AsyncContext | undefined;
  readonly #tasks = new Set<Promise<unknown>>();
  readonly #ownEntries = new Map<string, OwnEntries>();

  constructor(
    store: Store,
    sessions: SessionPool,
    identity: string,
    closed: Ending,
    asyncContext?: AsyncContext,
  ) {
    this.store = store;
    this.sessions = sessions;
    this.identity = identity;
    this.closed = closed;
    this.asyncContext = asyncContext;
  }

  /** Runs a background task, whose failure is its own affair, until `idle` has seen its end. */
  track<T>(task: Promise<T>): Promise<T> {
    const tracked = task.catch(() => undefined).finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
    return task;
  }

  /** Resolves when no tracked task runs, or after `patienceMs`. */
  async idle(patienceMs: number): Promise<void> {
    using scope = new CancelScope(this.store, { timeoutMs: patienceMs });
    while (this.#tasks.size > 0 && !scope.signal.aborted) {
      await scope.race(Promise.all(this.#tasks)).catch(() => undefined);
    }
  }

  /** The entries under a prefix that belongs to one session in one line, for all who wait there. */
  ownEntries(prefixText: string): OwnEntries {
    const known = this.#ownEntries.get(prefixText);
    if (known !== undefined) return known;
    const entries = new OwnEntries(this.store, prefixText, () => {
      // Others may have begun to follow under this name when the watch of these failed at once.
      if (this.#ownEntries.get(prefixText) === entries) this.#ownEntries.delete(prefixText);
    });
    this.#ownEntries.set(prefixText, entries);
    return entries;
  }

  /** The same, if anybody follows one of them or is an heir. */
  followedEntries(prefixText: string): OwnEntries | undefined {
    return this.#ownEntries.get(prefixText);
  }

  /** Emits once, when the coordination object closes. */
  get closed$(): Observable<void> {
    return new Observable((subscriber) => this.closed.follow(() => subscriber.next()));
  }

  /** How often something that waits for `ttlMs` long sessions reads again unasked. */
  safetyPollMs(ttlMs: number): number {
    return ttlMs * TIMING.safetyPollFraction;
  }
}

/** What ends everything when a coordination object closes. */
export function closedError(): CoordinationError {
  return new CoordinationError('Aborted', 'the coordination object was closed');
}
