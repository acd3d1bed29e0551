import { CancelScope } from '../base/cancel-scope.js';
import { awaitChange } from '../base/await-change.js';
import type { RecipeContext } from '../base/context.js';
import type { QueuePlace } from '../base/queue-place.js';
import type { Session } from '../base/session.js';
import { CoordinationError } from '../errors.js';

export interface DelayTerms {
  readonly place: QueuePlace;
  /** Prefix of the keys that keep others out. */
  readonly prefix: string;
  readonly delaySeconds: number;
  /** The value of the key, for people. */
  readonly value: string;
}

/**
 * What keeps others out of a lock for a while after its hold was lost against the holder's will,
 * for resources that cannot check fences: requests that were under way have that long to come to
 * their end. It is a key beside the queue under a lease that outlives the session by the delay, so
 * it is there also when the holder's process is not. An orderly release removes it with the entry.
 * After Chubby's and Consul's lock-delay.
 */
export class LockDelay {
  readonly #context: RecipeContext;
  readonly #terms: DelayTerms;
  readonly #key: string;
  readonly #outliving: Session;
  #isEnding = false;

  private constructor(context: RecipeContext, terms: DelayTerms, outliving: Session) {
    this.#context = context;
    this.#terms = terms;
    this.#key = delayKey(terms);
    this.#outliving = outliving;
  }

  /**
   * Writes the key, on the condition that the entry still is there; to be done before the lock
   * counts as held.
   * @throws CoordinationError `LockLost`, and what ends the scope
   */
  static async arm(
    context: RecipeContext,
    scope: CancelScope,
    terms: DelayTerms,
  ): Promise<LockDelay> {
    const { place, delaySeconds, value } = terms;
    const { store, sessions } = context;
    for (;;) {
      const outliving = await sessions.outliving(scope, place.session.ttlMs, delaySeconds);
      const delay = new LockDelay(context, terms, outliving);
      try {
        const result = await scope.retry((failures) => {
          const entry = { key: place.key, target: 'create', operator: '=' } as const;
          const write = outliving.attach(
            store.txn({
              compare: [{ ...entry, operand: place.createRevision }],
              success: [{ kind: 'put', key: delay.#key, value, lease: outliving.lease }],
            }),
          );
          place.wrote(write, failures > 0);
          return write;
        });
        if (result.succeeded) return delay;
        await place.look(scope);
        throw new CoordinationError('LockLost', `${place.key} was deleted`, {
          loss: { kind: 'deleted', key: place.key },
        });
      } catch (error) {
        // A lease that the server lost meanwhile is no reason to give up the place.
        if (!outliving.ended.isOver || scope.signal.aborted) {
          delay.clear();
          throw error;
        }
      }
    }
  }

  /** Whether the key is on its way out by itself. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** The hold was lost: the key stays for the delay, counted from the end of the entry. */
  keepOut(): void {
    this.#end(this.#terms.delaySeconds * 1000);
  }

  /** The key goes as soon as the entry has gone. */
  clear(): void {
    this.#end(0);
  }

  #end(pauseMs: number): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const { store, sessions, closed } = this.#context;
    // Whoever closes in the middle of it leaves the key to its lease, or takes it away.
    const done =
      pauseMs === 0
        ? sessions.deleteAtClose(this.#outliving, this.#key)
        : sessions.keepLease(this.#outliving);
    const end = async (): Promise<void> => {
      using scope = new CancelScope(store, {}, this.#outliving.ended, closed);
      await this.#entryGone(scope);
      if (pauseMs > 0) await scope.pause(pauseMs);
      await scope.retry(() => store.delete({ key: this.#key }));
      done();
    };
    // What fails here is left to the end of the lease.
    void end().catch(() => undefined);
  }

  /** As long as the entry is there nobody else can have the lock, and no late write is harmless. */
  async #entryGone(scope: CancelScope): Promise<void> {
    const { key, session } = this.#terms.place;
    const { store } = this.#context;
    for (;;) {
      const read = await scope.retry(() => store.range({ key, keysOnly: true }));
      if (read.kvs.length === 0) return;
      const watch = { key, startRevision: read.header.revision + 1, noPut: true };
      await awaitChange(store, scope, [watch], this.#context.safetyPollMs(session.ttlMs));
    }
  }
}

/** The key that belongs to an entry: no other entry ever has the same id. */
function delayKey({ prefix, place }: DelayTerms): string {
  return prefix + place.id;
}
