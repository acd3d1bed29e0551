import { BehaviorSubject, filter, firstValueFrom, type Observable } from 'rxjs';
import type { Compare, TxnRequest } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import { closedError, type RecipeContext } from '../base/context.js';
import { Ending } from '../base/ending.js';
import { giveBack } from '../base/give-back.js';
import type { Guarded } from '../base/guarded.js';
import { encodeNote, type Metadata, parseObject } from '../base/note.js';
import { Ownership } from '../base/ownership.js';
import { rangeOf } from '../base/queue-place.js';
import type { Session } from '../base/session.js';
import { takeBack } from '../base/take-back.js';
import { CoordinationError, describeLoss, isCoordinationError, type LossCause } from '../errors.js';
import { membersPrefix } from './membership-layout.js';
import { nonceOf } from './members-view.js';
import { register, type Registered } from './register.js';

/** Who joins what. */
export interface MembershipTerms {
  readonly group: string;
  readonly id: string;
  readonly metadata: Metadata;
  readonly onConflict: 'reject' | 'replace' | 'suffix';
}

/**
 * How a membership stands.
 *
 * - `joined`: the others see it, in this incarnation.
 * - `rejoining`: its session was lost, so the others do not see it, or not for long; it registers
 *   anew as soon as the store can be reached.
 * - `left`: it left.
 * - `lost`: somebody deleted or took its key; it does not come back by itself.
 */
export type MembershipState =
  | { readonly kind: 'joined'; readonly incarnation: number }
  | { readonly kind: 'rejoining'; readonly loss: LossCause }
  | { readonly kind: 'left' }
  | { readonly kind: 'lost'; readonly loss: LossCause };

/** Ids that `suffix` tries before it gives up. */
const SUFFIX_MAX = 100;

/** One stay in the group, from a registration to its loss. */
interface Stay {
  readonly id: string;
  readonly session: Session;
  readonly incarnation: number;
  readonly ownership: Ownership;
  readonly stray: TxnRequest | undefined;
  /** The revision of the key's last change that is known. */
  modRevision: number;
}

/**
 * One membership, over any number of sessions. When its session is lost it registers anew with the
 * next one, which is another incarnation; when its key was deleted or taken while the session
 * lived, somebody wanted it out, and it stays out.
 *
 * @example
 * const me = await coord.members('workers').join({ id: 'w7', metadata: { load: 0 } });
 * await me.update({ load: 3 });
 * await me.leave();
 */
export class Membership implements AsyncDisposable, Guarded {
  readonly group: string;
  readonly #context: RecipeContext;
  readonly #terms: MembershipTerms;
  readonly #nonce: string;
  readonly #ended = new Ending();
  readonly #state = new BehaviorSubject<MembershipState>({ kind: 'left' });
  #metadata: Metadata;
  #stay: Stay | undefined;
  #id: string;
  #writing: Promise<void> = Promise.resolve();
  /** Ends with the membership. */
  #following: Promise<void> = Promise.resolve();
  #leaving: Promise<void> | undefined;

  private constructor(context: RecipeContext, terms: MembershipTerms) {
    this.#context = context;
    this.#terms = terms;
    this.#metadata = terms.metadata;
    this.#id = terms.id;
    this.#nonce = context.store.random.hex(8);
    this.group = terms.group;
  }

  /** For `Members.join`. */
  static async join(
    context: RecipeContext,
    terms: MembershipTerms,
    options: WaitOptions,
  ): Promise<Membership> {
    const membership = new Membership(context, terms);
    using scope = new CancelScope(context.store, options, context.closed);
    const replaces = terms.onConflict === 'replace';
    membership.#enter(await membership.#register(scope, replaces));
    membership.#following = context.track(membership.#follow()).catch(() => undefined);
    return membership;
  }

  /** The id in the group; with `suffix` it may differ from the one asked for, and change. */
  get id(): string {
    return this.#id;
  }

  get state(): MembershipState {
    return this.#state.value;
  }

  /** The state and its changes; replays the last one, completes at the end. */
  get state$(): Observable<MembershipState> {
    return this.#state.asObservable();
  }

  /** Aborted when the membership is over, `left` or `lost`; a session lost on the way is none. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** What the others see, or will see. */
  get metadata(): Metadata {
    return this.#metadata;
  }

  /**
   * The condition "still a member, of this incarnation".
   * @throws CoordinationError `NotOwner` while it is not
   */
  guard(): Compare {
    const { state } = this;
    if (state.kind !== 'joined') {
      const message = `member "${this.#id}" of "${this.group}" is ${state.kind}`;
      throw new CoordinationError('NotOwner', message);
    }
    return { key: this.#key, target: 'create', operator: '=', operand: state.incarnation };
  }

  /**
   * Tells the others something new; resolves when they can see it. While it rejoins, that is when
   * it has joined again. The last of several updates stays.
   * @throws CoordinationError `NotOwner` after `leave`, `LockLost` when the membership is lost,
   * `Aborted`, `Timeout`
   */
  async update(metadata: Metadata, options: WaitOptions = {}): Promise<void> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, this.#ended, closed);
    scope.check();
    this.#metadata = metadata;
    // One after the other, so that an earlier one cannot come to rest on a later one.
    const mine = this.#writing.then(() => this.#write(scope));
    this.#writing = mine.catch(() => undefined);
    await scope.race(mine);
  }

  /** Leaves the group; the others see it when that resolves. Calling it again does nothing. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  /** Leaves and never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave().catch(() => undefined);
  }

  get #key(): string {
    return membersPrefix(this.group) + this.#id;
  }

  async #leave(): Promise<void> {
    const stay = this.#stay;
    this.#end({ kind: 'left' }, new CoordinationError('NotOwner', 'the membership was given up'));
    await this.#writing;
    if (stay !== undefined && !stay.ownership.signal.aborted) await this.#remove(stay);
    await this.#following;
  }

  /** Takes the key of a stay away, and nothing else that may be there. */
  async #remove({ id, session, incarnation, ownership, stray }: Stay): Promise<void> {
    ownership.end();
    const key = membersPrefix(this.group) + id;
    await giveBack(this.#context.store, session, {
      compare: [{ key, target: 'create', operator: '=', operand: incarnation }],
      success: [{ kind: 'delete', key }],
    });
    if (stray === undefined) return;
    const lastWrite = Promise.resolve();
    takeBack(this.#context, { session, lastWrite, isUnsure: true, undo: stray });
  }

  /** Stays in the group until it is left, lost, or the coordination object closes. */
  async #follow(): Promise<void> {
    using scope = new CancelScope(this.#context.store, {}, this.#ended, this.#context.closed);
    try {
      for (;;) {
        const loss = await this.#awaitLoss(scope);
        if (loss.final) {
          this.#lose(loss.cause);
          return;
        }
        this.#stay = undefined;
        this.#state.next({ kind: 'rejoining', loss: loss.cause });
        // Whoever took the id meanwhile keeps it: two that replace each other would never end.
        const stay = await this.#register(scope, false);
        // It may have been left after the last answer and before this.
        if (this.#ended.isOver) return await this.#remove(stay);
        this.#enter(stay);
      }
    } catch (error) {
      if (isCoordinationError(error, 'Conflict')) this.#lose({ kind: 'replaced', key: this.#key });
      else if (this.#context.closed.isOver) this.#end({ kind: 'left' }, closedError());
      else if (!scope.signal.aborted) this.#end({ kind: 'left' }, error);
    }
  }

  /** Why the stay ended; it is final unless its session was lost. */
  async #awaitLoss(
    scope: CancelScope,
  ): Promise<{ readonly cause: LossCause; readonly final: boolean }> {
    const { session, ownership } = this.#stay ?? raise();
    const cause = await scope.race(firstValueFrom(ownership.lost$));
    if (session.ended.isOver) return { cause, final: false };
    // A key that went with its lease and one that was taken away look alike; the server knows.
    const { leases } = this.#context.store;
    const left = await scope.retry(() => leases.timeToLive({ id: session.lease }));
    if (left.remainingTtlSeconds >= 0) return { cause, final: true };
    await scope.race(session.verify());
    return { cause: { kind: 'revoked' }, final: false };
  }

  /** @throws CoordinationError `Conflict` */
  async #register(scope: CancelScope, replaces: boolean): Promise<Stay> {
    const { onConflict, group } = this.#terms;
    for (let suffix = 1; suffix <= SUFFIX_MAX; ) {
      const id = suffix === 1 ? this.#terms.id : `${this.#terms.id}-${suffix}`;
      const session = await this.#context.sessions.shared(scope);
      using inner = new CancelScope(this.#context.store, {}, scope.ended, session.ended);
      const key = membersPrefix(group) + id;
      const registration = { key, nonce: this.#nonce, value: this.#value(), replaces };
      try {
        const registered = await register(this.#context, session, inner, registration);
        if (registered.ok) return this.#begin(id, session, registered);
      } catch (error) {
        if (scope.signal.aborted || !isCoordinationError(error, 'SessionLost')) throw error;
        continue;
      }
      if (onConflict !== 'suffix') break;
      suffix += 1;
    }
    const message = `member id "${this.#terms.id}" of group "${group}" is taken`;
    throw new CoordinationError('Conflict', message);
  }

  #begin(
    id: string,
    session: Session,
    { incarnation, stray }: Extract<Registered, { ok: true }>,
  ): Stay {
    const key = membersPrefix(this.group) + id;
    const ownership = new Ownership(this.#context, session, {
      what: `member "${id}" of "${this.group}"`,
      key,
      revision: incarnation,
      isMine: (kv) => kv.createRevision === incarnation && nonceOf(kv) === this.#nonce,
    });
    return { id, session, incarnation, ownership, stray, modRevision: incarnation };
  }

  #enter(stay: Stay): void {
    this.#stay = stay;
    this.#id = stay.id;
    this.#state.next({ kind: 'joined', incarnation: stay.incarnation });
  }

  async #write(scope: CancelScope): Promise<void> {
    for (;;) {
      const stay = await this.#joined(scope);
      const value = this.#value();
      const key = membersPrefix(this.group) + stay.id;
      using inner = new CancelScope(this.#context.store, {}, scope.ended, stay.session.ended);
      const request = (): TxnRequest => ({
        compare: [{ key, target: 'mod', operator: '=', operand: stay.modRevision }],
        success: [{ kind: 'put', key, value, lease: stay.session.lease }],
        failure: [{ kind: 'range', key }],
      });
      const { store } = this.#context;
      const result = await inner
        .retry(() => stay.session.attach(store.txn(request())))
        .catch((error: unknown) => {
          if (scope.signal.aborted || !stay.session.ended.isOver) throw error;
          return undefined;
        });
      if (result === undefined) continue;
      if (result.succeeded) stay.modRevision = result.header.revision;
      if (result.succeeded) return;
      const kv = rangeOf(result.responses[0])?.[0];
      const isMine = kv?.createRevision === stay.incarnation && nonceOf(kv) === this.#nonce;
      if (kv === undefined || !isMine) await this.#overtaken(scope, stay);
      else stay.modRevision = kv.modRevision;
    }
  }

  /** The stay, when there is one; waits while it rejoins. */
  async #joined(scope: CancelScope): Promise<Stay> {
    for (;;) {
      scope.check();
      if (this.#stay !== undefined && !this.#stay.ownership.signal.aborted) return this.#stay;
      await scope.race(this.#change((state) => state.kind === 'joined' && this.#isWell()));
    }
  }

  /** Waits until what the write has found is known here as well. */
  async #overtaken(scope: CancelScope, stay: Stay): Promise<void> {
    await scope.race(this.#change(() => this.#stay !== stay || stay.ownership.signal.aborted));
    await scope.pause(1);
  }

  #isWell(): boolean {
    return this.#stay?.ownership.signal.aborted === false;
  }

  async #change(until: (state: MembershipState) => boolean): Promise<void> {
    await firstValueFrom(this.#state.pipe(filter(until)));
  }

  #value(): string {
    const note = parseObject(encodeNote(this.#context, this.#metadata));
    return JSON.stringify({ ...note, nonce: this.#nonce });
  }

  #lose(loss: LossCause): void {
    const message = `member "${this.#id}" of "${this.group}" lost: ${describeLoss(loss)}`;
    this.#end({ kind: 'lost', loss }, new CoordinationError('LockLost', message, { loss }));
  }

  #end(state: MembershipState, reason: unknown): void {
    if (this.#ended.isOver) return;
    this.#state.next(state);
    this.#state.complete();
    this.#ended.end(reason);
  }
}

function raise(): never {
  throw new Error('a membership follows a stay that it does not have');
}
