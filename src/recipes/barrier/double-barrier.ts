import type { Observable } from 'rxjs';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import type { Metadata } from '../base/note.js';
import { RecipeView } from '../base/recipe-view.js';
import type { WaitPlan } from '../base/wait-plan.js';
import { CoordinationError } from '../errors.js';
import { BarrierEntry } from './barrier-entry.js';
import { BarrierMember } from './barrier-member.js';
import {
  type DoubleBarrierRule,
  type DoubleBarrierStatus,
  planOf,
  RENDEZVOUS,
  statusOf,
} from './double-barrier-status.js';

/** How a double barrier is made. */
export interface DoubleBarrierOptions {
  /** How many must be there before anybody passes; at least one, and the same for everybody. */
  readonly members: number;
}

/** How to enter. */
export interface EnterBarrierOptions extends WaitOptions {
  /** What others see of this member. */
  readonly metadata?: Metadata;
}

/**
 * A gate that lets nobody pass before a number of members are there, and at which nobody has left
 * before all have. Those who pass together are a generation, with a number that is never used
 * again. Any member that sees enough of them opens the gate, so it does not matter whether the last
 * one to come survives its coming. (After the double barrier of ZooKeeper's recipes, without its
 * reused ready key.)
 *
 * @example
 * const gate = coord.doubleBarrier('shuffle', { members: 3 });
 * const inside = await gate.enter({ timeoutMs: 60_000 });
 * await work(inside.generation, inside.signal);
 * await inside.leave({ timeoutMs: 60_000 });
 */
export class DoubleBarrier {
  readonly name: string;
  readonly members: number;
  /** Who gathers and who has not left yet, at each revision. */
  readonly status$: RecipeView<DoubleBarrierStatus>;
  /** Why this handle waits; for one that does not, what entering would meet. */
  readonly plan$: Observable<WaitPlan<DoubleBarrierRule>>;
  readonly #context: RecipeContext;
  /** Keys of what this handle has in the barrier. */
  readonly #mine = new Set<string>();
  /** Generations that this handle waits to see the end of. */
  readonly #leaving = new Set<number>();

  /** @throws CoordinationError `InvalidArgument` */
  constructor(context: RecipeContext, name: string, { members }: DoubleBarrierOptions) {
    if (!Number.isInteger(members) || members < 1) {
      const message = `${members} members is not a positive integer`;
      throw new CoordinationError('InvalidArgument', message);
    }
    this.#context = context;
    this.name = name;
    this.members = members;
    const prefixes = [name + RENDEZVOUS] as const;
    this.status$ = new RecipeView(context, { prefixes, derive: ([all]) => statusOf(all) });
    this.plan$ = new RecipeView(context, {
      prefixes,
      derive: ([all]) =>
        planOf(statusOf(all), { mine: this.#mine, leaving: this.#leaving, needed: members }),
    });
  }

  /**
   * Waits until enough members are there.
   * @throws CoordinationError `Aborted`, `Timeout`, `SessionLost`; `LockLost` when somebody deleted
   * the entry of this member
   */
  async enter(options: EnterBarrierOptions = {}): Promise<BarrierMember> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const entry = new BarrierEntry(this.#context, {
      name: this.name,
      needed: this.members,
      mine: this.#mine,
      leaving: this.#leaving,
    });
    try {
      const hold = await entry.enter(scope, options.metadata);
      return new BarrierMember(this.#context, entry, hold);
    } catch (error) {
      entry.drop();
      throw error;
    }
  }
}
