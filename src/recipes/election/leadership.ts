import type { Observable } from 'rxjs';
import {
  type Compare,
  type KeyValue,
  toText,
  type TxnOperation,
  type TxnRequest,
  type TxnResult,
} from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { giveBack, giveBackLater } from '../base/give-back.js';
import type { Guarded } from '../base/guarded.js';
import { Ownership } from '../base/ownership.js';
import { type QueuePlace, rangeOf } from '../base/queue-place.js';
import { GuardedTxn } from '../compose/guarded-txn.js';
import { CoordinationError, type LossCause } from '../errors.js';
import type { ElectionKeys } from './election-layout.js';
import {
  isLeaseGone,
  moveRequest,
  readCandidate,
  resignation,
  termGuard,
  type TransferResult,
} from './transfer.js';

/** Lease and nonce, as queue places name themselves. */
const CANDIDATE_ID = /^[0-9a-f]+-[0-9a-f]+$/;

interface LeadershipTerms {
  readonly name: string;
  readonly keys: ElectionKeys;
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
export class Leadership implements AsyncDisposable, Guarded {
  /** The candidate that leads, as in `leader$`. */
  readonly id: string;
  /** The fence: larger for every later leader. It does not move while this leadership lasts. */
  readonly term: number;
  readonly #context: RecipeContext;
  readonly #keys: ElectionKeys;
  readonly #place: QueuePlace;
  readonly #ownership: Ownership;
  #value: string;
  /** The revision of the last change of the candidate's own key that is known. */
  #candidateRevision: number;
  #proclaiming: Promise<void> = Promise.resolve();
  /** How the leadership was given up, once it is. */
  #over: Promise<unknown> | undefined;

  constructor(context: RecipeContext, { name, keys, place, term, value }: LeadershipTerms) {
    this.#context = context;
    this.#keys = keys;
    this.#place = place;
    this.#value = value;
    this.#candidateRevision = place.createRevision;
    this.id = place.id;
    this.term = term;
    this.#ownership = new Ownership(context, place.session, {
      what: `leadership of "${name}"`,
      key: this.#key,
      revision: term,
      isMine: (kv) => kv.modRevision === term,
      lossBy: (kv) => this.#lossBy(kv),
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
    return termGuard(this.#keys, this.term);
  }

  /** A transaction that happens only while this leadership lasts; as `HeldLock.txn`. */
  txn(): GuardedTxn {
    return new GuardedTxn(this.#context.store, this.#context.closed).if(this);
  }

  /**
   * Tells observers something new. The term stays: only the candidate's own key is written.
   * @throws CoordinationError `LockLost`, `NotOwner`
   */
  async proclaim(value: string): Promise<void> {
    this.#ownership.assert();
    // One after the other, so that an earlier one cannot come to rest on a later one.
    const mine = this.#proclaiming.then(() => this.#write(value));
    this.#proclaiming = mine.catch(() => undefined);
    await mine;
  }

  /**
   * Ends the leadership and leaves the election. Calling it again gives the same answer.
   * @throws CoordinationError `LockLost` when the leadership had been lost before
   */
  async resign(): Promise<void> {
    this.#over ??= this.#resign();
    await this.#over;
  }

  /**
   * Hands the leadership over to a candidate: in one transaction the owner key goes to the
   * candidate's lease, so there is no moment without a leader, and the term grows. This leadership
   * ends before that is sent, as when it is resigned; a candidate that is not there is refused
   * before, and then nothing ends. `options` bound the looking for the candidate.
   * @throws CoordinationError `LockLost`, `NotOwner`, `Aborted`, `Timeout`; `InvalidArgument` when
   * the candidate is this leader
   *
   * @example
   * const others = (await coord.election('scheduler').candidates()).filter(({ leads }) => !leads);
   * if (others[0] !== undefined) await leadership.transfer(others[0].id);
   */
  async transfer(candidateId: string, options: WaitOptions = {}): Promise<TransferResult> {
    if (candidateId === this.id) {
      throw new CoordinationError('InvalidArgument', `candidate ${candidateId} leads already`);
    }
    this.#ownership.assert();
    const { store, closed } = this.#context;
    const { ended } = this.#place.session;
    using scope = new CancelScope(store, options, ended, closed);
    const target = await readCandidate(store, scope, this.#keys, candidateId);
    if (target === undefined) return { outcome: 'refused' };
    this.#ownership.assert();
    this.#ownership.end();
    const handing = this.#handOver(target, candidateId);
    this.#over = handing;
    return await handing;
  }

  /** Resigns and never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.resign().catch((error: CoordinationError) => error);
  }

  get #key(): string {
    return this.#keys.leader;
  }

  /** An owner key that was never absent was handed over; one that came anew was not. */
  #lossBy(kv: KeyValue): LossCause {
    const to = toText(kv.value);
    const isMoved = kv.createRevision <= this.term && CANDIDATE_ID.test(to);
    return isMoved ? { kind: 'transferred', to } : { kind: 'replaced', key: this.#key };
  }

  /** Each write names the one before, so that one which arrives late changes nothing. */
  async #write(value: string): Promise<void> {
    const { store, closed } = this.#context;
    const { key, session } = this.#place;
    this.#ownership.assert();
    using scope = new CancelScope(store, {}, session.ended, closed);
    for (;;) {
      const known = this.#candidateRevision;
      const result = await scope.retry(() =>
        session.attach(
          store.txn({
            compare: [this.guard(), { key, target: 'mod', operator: '=', operand: known }],
            success: [{ kind: 'put', key, value, lease: session.lease }],
            failure: [{ kind: 'range', key }],
          }),
        ),
      );
      if (result.succeeded) {
        this.#candidateRevision = result.header.revision;
        this.#value = value;
        return;
      }
      // It was written when the leadership was handed over to it, or by a try without an answer.
      this.#candidateRevision = rangeOf(result.responses[0])?.[0]?.modRevision ?? known;
      if (this.#candidateRevision !== known) continue;
      throw this.#ownership.lostError({ kind: 'replaced', key: this.#key });
    }
  }

  async #resign(): Promise<void> {
    const { loss } = this.#ownership;
    this.#ownership.end();
    if (loss !== undefined) throw this.#ownership.lostError(loss);
    const outcome = await giveBack(this.#context.store, this.#place.session, {
      compare: [this.guard()],
      success: resignation(this.#keys, this.id),
      failure: [{ kind: 'delete', key: this.#place.key }],
    });
    this.#place.sweep();
    if (outcome === 'gone') throw this.#ownership.lostError({ kind: 'deleted', key: this.#key });
  }

  /** Sent until it is answered or the session is over; a candidate that is gone means resigning. */
  async #handOver(target: KeyValue, targetId: string): Promise<TransferResult> {
    const { store } = this.#context;
    const keys = this.#keys;
    const leaderId = this.id;
    const resign: TxnOperation = {
      kind: 'txn',
      compare: [this.guard()],
      success: resignation(keys, leaderId),
      failure: [{ kind: 'delete', key: this.#place.key }],
    };
    const move = { keys, term: this.term, target, targetId, leaderId };
    const request = moveRequest(store, move, [resign]);
    const moved = await this.#send(request, resign);
    if (moved === undefined) return { outcome: 'ended' };
    const { result, unsure } = moved;
    this.#place.sweep();
    if (result.succeeded) return { outcome: 'transferred', term: result.header.revision };
    const owner = rangeOf(result.responses[0])?.[0];
    // After a lost answer the term does not fit because the first try succeeded.
    if (owner !== undefined && toText(owner.value) === targetId) {
      return { outcome: 'transferred', term: owner.modRevision };
    }
    if (owner?.modRevision === this.term || unsure) return { outcome: 'ended' };
    const loss = owner === undefined ? undefined : this.#lossBy(owner);
    throw this.#ownership.lostError(loss ?? { kind: 'deleted', key: this.#key });
  }
  /**
   * The answer, and whether it may be that of a second try; undefined when the leadership ended in
   * another way: with its session, or resigned because the candidate's lease went before its key.
   */
  async #send(
    request: TxnRequest,
    resign: TxnOperation,
  ): Promise<{ readonly result: TxnResult; readonly unsure: boolean } | undefined> {
    const { store } = this.#context;
    const { session } = this.#place;
    using scope = new CancelScope(store, {}, session.ended);
    let unsure = false;
    try {
      const result = await scope.retry((failures) => {
        unsure ||= failures > 0;
        return store.txn(request);
      });
      return { result, unsure };
    } catch (error) {
      if (scope.signal.aborted) return undefined;
      if (!isLeaseGone(error)) {
        giveBackLater(store, session, { success: [resign] });
        throw error;
      }
    }
    await giveBack(store, session, { success: [resign] });
    return undefined;
  }
}
