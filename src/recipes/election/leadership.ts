import type { Observable } from 'rxjs';
import type { Compare } from '../../store/index.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import type { CoordinationError, LossCause } from '../errors.js';
import { giveBack } from '../base/give-back.js';
import { Ownership } from '../base/ownership.js';
import type { QueuePlace } from '../base/queue-place.js';

interface LeadershipTerms {
  readonly name: string;
  readonly place: QueuePlace;
  readonly term: number;
  readonly value: string;
}

/**
 * A leadership, for as long as `signal` says so. As with a lock, the signal is aborted before the
 * server can make another one leader.
 *
 * @example
 * const leadership = await coord.election('scheduler').campaign({ value: 'host-7' });
 * leadership.lost$.subscribe((cause) => log.warn(cause));
 * await leadership.proclaim('host-7:8080');
 * await leadership.resign();
 */
export class Leadership implements AsyncDisposable {
  /** The candidate that leads, as in `leader$`. */
  readonly id: string;
  /** The fence: larger for every later leader. It does not move while this leadership lasts. */
  readonly term: number;
  readonly #context: RecipeContext;
  readonly #name: string;
  readonly #place: QueuePlace;
  readonly #ownership: Ownership;
  #value: string;
  #resigned: Promise<void> | undefined;

  constructor(context: RecipeContext, { name, place, term, value }: LeadershipTerms) {
    this.#context = context;
    this.#name = name;
    this.#place = place;
    this.#value = value;
    this.id = place.id;
    this.term = term;
    this.#ownership = new Ownership(context, place.session, {
      what: `leadership of "${name}"`,
      key: this.#key,
      revision: term,
      isMine: (kv) => kv.modRevision === term,
    });
    // A candidate that lost its leadership must not stand in the way of the next one.
    this.#ownership.lost$.subscribe(() => place.abandon());
  }

  /** What observers see. */
  get value(): string {
    return this.#value;
  }

  /** Aborted when the leadership is lost or resigned; the reason is a CoordinationError. */
  get signal(): AbortSignal {
    return this.#ownership.signal;
  }

  /** Emits the cause if the leadership is lost; completes at its end. */
  get lost$(): Observable<LossCause> {
    return this.#ownership.lost$;
  }

  /** As `HeldLock.assertHeld`. @throws CoordinationError `LockLost`, `NotOwner`, `Unavailable` */
  assertLeader(): void {
    this.#ownership.assert();
  }

  /** Milliseconds until the leadership ends unless its session is renewed. */
  expiresIn(): number {
    return this.#ownership.expiresIn();
  }

  /** The condition "this leadership still lasts", for any transaction. */
  guard(): Compare {
    return { key: this.#key, target: 'mod', operator: '=', operand: this.term };
  }

  /**
   * Tells observers something new. The term stays: only the candidate's own key is written.
   * @throws CoordinationError `LockLost`, `NotOwner`
   */
  async proclaim(value: string): Promise<void> {
    const { store } = this.#context;
    this.#ownership.assert();
    using scope = new CancelScope(store, {}, this.#place.session.ended, this.#context.closed);
    const { key, session } = this.#place;
    const result = await scope.retry(() =>
      session.attach(
        store.txn({
          compare: [this.guard()],
          success: [{ kind: 'put', key, value, lease: session.lease }],
        }),
      ),
    );
    if (!result.succeeded) throw this.#ownership.lostError({ kind: 'replaced', key: this.#key });
    this.#value = value;
  }

  /**
   * Ends the leadership and leaves the election. Calling it again gives the same answer.
   * @throws CoordinationError `LockLost` when the leadership had been lost before
   */
  resign(): Promise<void> {
    this.#resigned ??= this.#resign();
    return this.#resigned;
  }

  /** Resigns and never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.resign().catch((error: CoordinationError) => error);
  }

  get #key(): string {
    return `${this.#name}/leader`;
  }

  async #resign(): Promise<void> {
    const { loss } = this.#ownership;
    this.#ownership.end();
    if (loss !== undefined) throw this.#ownership.lostError(loss);
    const outcome = await giveBack(this.#context.store, this.#place.session, {
      compare: [this.guard()],
      success: [
        { kind: 'delete', key: this.#key },
        { kind: 'delete', key: this.#place.key },
      ],
      failure: [{ kind: 'delete', key: this.#place.key }],
    });
    this.#place.sweep();
    if (outcome === 'gone') throw this.#ownership.lostError({ kind: 'deleted', key: this.#key });
  }
}
