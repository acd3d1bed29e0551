import { toText, type TxnOperation } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { enterQueue } from '../base/enter-queue.js';
import { Leadership } from './leadership.js';
import type { PrefixSnapshot } from '../base/prefix-view.js';
import { QueuePlace, rangeOf } from '../base/queue-place.js';
import { RecipeView } from '../base/recipe-view.js';
import { runWhileLeader } from './run-while-leader.js';
import type { Session } from '../base/session.js';

/** How to stand for an election. */
export interface CampaignOptions extends WaitOptions {
  /**
   * What observers see of this candidate once it leads, such as its address; default: the identity.
   */
  readonly value?: string;
}

/** Who leads, as observers see it. */
export interface LeaderInfo {
  /** The candidate; it changes with every campaign. */
  readonly id: string;
  /** What the leader proclaimed. */
  readonly value: string;
  /** Grows with every change of leader; the same number that the leader fences with. */
  readonly term: number;
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
  readonly #context: RecipeContext;

  constructor(context: RecipeContext, name: string) {
    this.#context = context;
    this.name = name;
    this.leader$ = new RecipeView(context, {
      prefixes: [`${name}/`],
      derive: ([snapshot]) => leaderOf(snapshot),
      same: sameLeader,
    });
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
    try {
      const term = await this.#becomeLeader(scope, place);
      return new Leadership(this.#context, { name: this.name, place, term, value });
    } catch (error) {
      place.abandon();
      throw error;
    }
  }

  /**
   * Leads again and again until `signal` is aborted: campaigns, calls `work` with the term and a
   * signal that fires when the leadership ends, waits for `work` to end, and only then campaigns
   * anew. Work that ends by itself ends the loop: its result, or its failure, is the answer.
   * Aborted by `signal`, the answer is undefined.
   * @throws CoordinationError `Aborted` when the coordination object closes
   */
  runWhileLeader<T>(
    work: (term: number, signal: AbortSignal, leadership: Leadership) => Promise<T> | T,
    options: Omit<CampaignOptions, 'timeoutMs'> = {},
  ): Promise<T | undefined> {
    const campaign = (wait: WaitOptions): Promise<Leadership> =>
      this.campaign({ ...options, ...wait });
    return this.#context.track(runWhileLeader(this.#context, campaign, work, options));
  }

  #candidate(session: Session): QueuePlace {
    const leaderKey = `${this.name}/leader`;
    return new QueuePlace(this.#context, session, `${this.name}/c/`, (id) =>
      removeClaim(leaderKey, id),
    );
  }

  /** Claims the owner key as soon as this candidate is first in line and nobody owns it. */
  async #becomeLeader(scope: CancelScope, place: QueuePlace): Promise<number> {
    const leaderKey = `${this.name}/leader`;
    let term = place.wasFirst ? await this.#claim(scope, place, leaderKey) : undefined;
    for (;;) {
      await scope.race(place.session.confirmed());
      if (term !== undefined) {
        place.session.assertAlive();
        return term;
      }
      const view = await place.look(scope, [{ kind: 'range', key: leaderKey }]);
      const owner = rangeOf(view.extra[0])?.[0];
      if (owner !== undefined && toText(owner.value) === place.id) term = owner.modRevision;
      else if (view.ahead !== undefined) await place.awaitGone(scope, view, view.ahead.key);
      else if (owner !== undefined) await place.awaitGone(scope, view, leaderKey);
      else term = await this.#claim(scope, place, leaderKey);
    }
  }

  /** The term, or undefined when the claim did not succeed; then looking tells why. */
  async #claim(scope: CancelScope, place: QueuePlace, key: string): Promise<number | undefined> {
    const { createRevision, id, session } = place;
    const result = await scope.retry(() =>
      place.write({
        compare: [
          { key, target: 'create', operator: '=', operand: 0 },
          { key: place.key, target: 'create', operator: '=', operand: createRevision },
        ],
        success: [{ kind: 'put', key, value: id, lease: session.lease }],
      }),
    );
    return result.succeeded ? result.header.revision : undefined;
  }
}

/** A claim may have succeeded without its candidate knowing; then it goes with the candidate. */
function removeClaim(key: string, id: string): TxnOperation {
  return {
    kind: 'txn',
    compare: [{ key, target: 'value', operator: '=', operand: id }],
    success: [{ kind: 'delete', key }],
  };
}

function leaderOf({ entries }: PrefixSnapshot): LeaderInfo | null {
  const owner = entries.get('leader');
  if (owner === undefined) return null;
  const id = toText(owner.value);
  const candidate = entries.get(`c/${id}`);
  return {
    id,
    value: candidate === undefined ? '' : toText(candidate.value),
    term: owner.modRevision,
  };
}

function sameLeader(a: LeaderInfo | null, b: LeaderInfo | null): boolean {
  return a?.id === b?.id && a?.term === b?.term && a?.value === b?.value;
}
