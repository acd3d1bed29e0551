import { BehaviorSubject, combineLatest, map, type Observable, takeUntil } from 'rxjs';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { enterQueue } from '../base/enter-queue.js';
import { readPrefixes, readUntilGood } from '../base/prefix-snapshot.js';
import { QueuePlace } from '../base/queue-place.js';
import { RecipeView } from '../base/recipe-view.js';
import type { Session } from '../base/session.js';
import type { WaitPlan } from '../base/wait-plan.js';
import { becomeLeader, removeClaim } from './become-leader.js';
import { type ElectionKeys, electionKeys } from './election-layout.js';
import {
  type Candidate,
  type ElectionRule,
  type ElectionStatus,
  type LeaderInfo,
  leaderOf,
  planOf,
  sameLeader,
  statusOf,
} from './election-status.js';
import { Leadership } from './leadership.js';
import { runWhileLeader } from './run-while-leader.js';
import { moveByForce, type TransferResult } from './transfer.js';

/** How to stand for an election. */
export interface CampaignOptions extends WaitOptions {
  /**
   * What observers see of this candidate once it leads, such as its address; default: the identity.
   */
  readonly value?: string;
}

/** How to lead again and again. */
export interface LeadOptions extends Omit<CampaignOptions, 'timeoutMs'> {
  /**
   * Whether this process is fit to lead. While the last value is false it does not stand, and when
   * it becomes false the leader steps down, so that a stuck leader gives way while its session
   * still lives. Default: always fit; a stream that ends keeps its last value.
   */
  readonly healthy$?: Observable<boolean>;
}

/**
 * An election with an explicit owner key. Candidates queue; only a transaction that finds the owner
 * key absent makes a leader, never a look at a list, so a leader that a candidate imagines cannot
 * exist.
 *
 * @example
 * await coord.election('scheduler').runWhileLeader(async (term, signal) => {
 *   await schedule({ fence: term, signal });
 * }, { signal: stop });
 */
export class Election {
  readonly name: string;
  /**
   * The leader, and null while there is none. Replays the last value; it shares one watch among its
   * subscribers, and can lag behind the store as any observer can.
   */
  readonly leader$: RecipeView<LeaderInfo | null>;
  /** The leader and all candidates, at one revision. */
  readonly status$: RecipeView<ElectionStatus>;
  /**
   * Why the newest campaign of this handle does not lead, or that it does; without a campaign, what
   * one would find now. Replays the last value.
   */
  readonly plan$: Observable<WaitPlan<ElectionRule>>;
  readonly #context: RecipeContext;
  readonly #keys: ElectionKeys;
  readonly #mine = new BehaviorSubject<string | undefined>(undefined);

  constructor(context: RecipeContext, name: string) {
    this.#context = context;
    this.name = name;
    this.#keys = electionKeys(name);
    this.leader$ = new RecipeView(context, {
      prefixes: [this.#keys.all],
      derive: ([snapshot]) => leaderOf(snapshot),
      same: sameLeader,
    });
    this.status$ = new RecipeView(context, {
      prefixes: [this.#keys.all],
      derive: ([snapshot]) => statusOf(name, snapshot),
    });
    this.plan$ = combineLatest([this.status$, this.#mine]).pipe(
      map(([status, mine]) => planOf(name, status, mine)),
      takeUntil(context.closed$),
    );
  }

  /**
   * Waits until this candidate leads. The leadership lasts until it is resigned or lost.
   * @throws CoordinationError `Aborted`, `Timeout`, `SessionLost`; `LockLost` when somebody deleted
   * the candidate
   *
   * @example
   * await using leadership = await coord.election('scheduler').campaign({ value: 'host-7' });
   * await store.txn({ compare: [leadership.guard()], success: [{ kind: 'put', key: 'k' }] });
   */
  async campaign(options: CampaignOptions = {}): Promise<Leadership> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const value = options.value ?? this.#context.identity;
    const { place } = await enterQueue(this.#context, scope, {
      session: () => this.#context.sessions.shared(scope),
      place: (session) => this.#candidate(session),
      enter: (entering, inner) => entering.enter(inner, value),
      drop: (dropped) => dropped.abandon(),
    });
    this.#stand(place.id);
    try {
      const term = await becomeLeader(this.#context, this.#keys, place, scope);
      const terms = { name: this.name, keys: this.#keys, place, term, value };
      const leadership = new Leadership(this.#context, terms);
      const withdraw = (): void => this.#withdraw(place.id);
      if (leadership.signal.aborted) withdraw();
      else leadership.signal.addEventListener('abort', withdraw, { once: true });
      return leadership;
    } catch (error) {
      this.#withdraw(place.id);
      place.abandon();
      throw error;
    }
  }

  /**
   * Leads again and again until `signal` is aborted: campaigns, calls `work` with the term and a
   * signal that fires when the leadership ends, waits for `work` to end, and only then campaigns
   * anew. Work that ends by itself ends the loop: its result, or its failure, is the answer.
   * Aborted by `signal`, the answer is undefined. Work may hand its leadership over and return:
   * then the loop stands again, last in line.
   * @throws CoordinationError `Aborted` when the coordination object closes
   */
  runWhileLeader<T>(
    work: (term: number, signal: AbortSignal, leadership: Leadership) => Promise<T> | T,
    options: LeadOptions = {},
  ): Promise<T | undefined> {
    const campaign = (wait: WaitOptions): Promise<Leadership> =>
      this.campaign({ ...options, ...wait });
    return this.#context.track(runWhileLeader(this.#context, campaign, work, options));
  }

  /**
   * Who stands, in the order of coming; the leader is one of them.
   * @throws CoordinationError `Aborted`, `Timeout`
   */
  async candidates(options: WaitOptions = {}): Promise<readonly Candidate[]> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const read = async (): Promise<readonly Candidate[]> => {
      const [snapshot] = await readPrefixes(store, [this.#keys.all], scope.signal);
      return statusOf(this.name, snapshot).candidates;
    };
    return await readUntilGood(store, scope, read, () => undefined);
  }

  /**
   * Moves the leadership to a candidate, whoever has it: the owner key is never absent, and its
   * term grows. The leader is not asked. What it writes with its guard fails from that moment on;
   * its signal fires, with the cause `transferred`, when it hears of it, which takes until its
   * local deadline if it is cut off. To hand over without that, let the leader do it, by
   * {@link Leadership.transfer}. `refused` when there is no such candidate, or nobody leads.
   * @throws CoordinationError `Aborted`, `Timeout`
   *
   * @example
   * const [, next] = await coord.election('scheduler').candidates();
   * if (next !== undefined) await coord.election('scheduler').transfer(next.id);
   */
  async transfer(candidateId: string, options: WaitOptions = {}): Promise<TransferResult> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    return await moveByForce(store, scope, this.#keys, candidateId);
  }

  #candidate(session: Session): QueuePlace {
    return new QueuePlace(this.#context, session, this.#keys.candidates, (id) =>
      removeClaim(this.#keys, id),
    );
  }

  /** Remembers the newest campaign of this handle, for its plan. */
  #stand(id: string): void {
    this.#mine.next(id);
  }

  #withdraw(id: string): void {
    if (this.#mine.value === id) this.#mine.next(undefined);
  }
}
