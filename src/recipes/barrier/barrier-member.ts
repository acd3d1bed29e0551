import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { HeldKey, type KeyHold } from '../base/key-hold.js';
import type { CoordinationError } from '../errors.js';
import type { BarrierEntry } from './barrier-entry.js';

/**
 * A member that has passed a double barrier together with its generation. Its `signal` is aborted
 * when the session ends, for then the others count this member as gone.
 *
 * @example
 * const inside = await coord.doubleBarrier('shuffle', { members: 3 }).enter();
 * await work(inside.signal);
 * await inside.leave({ timeoutMs: 60_000 });
 */
export class BarrierMember extends HeldKey implements AsyncDisposable {
  /** The number of those who passed together; larger for every later generation. */
  readonly generation: number;
  readonly #context: RecipeContext;
  readonly #entry: BarrierEntry;
  readonly #hold: KeyHold;

  constructor(context: RecipeContext, entry: BarrierEntry, hold: KeyHold) {
    super(hold);
    this.#context = context;
    this.#entry = entry;
    this.#hold = hold;
    this.generation = entry.generation;
  }

  /**
   * Waits until all of the generation have left or died. This member counts as gone from the moment
   * at which it is called, except that the oldest one keeps its key to the end.
   * @throws CoordinationError `Aborted`, `Timeout`: this member has left, and not waited for the
   * others; `LockLost` when its place had been lost before
   */
  async leave(options: WaitOptions = {}): Promise<void> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    try {
      await this.#entry.awaitEmpty(scope, () => scope.race(this.#hold.finish()));
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    // Gone without having been given back: the place had been lost.
    if (!this.#hold.isFinished) await this.#hold.finish();
  }

  /** Leaves without waiting for the others, and never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hold.finish().catch((error: CoordinationError) => error);
  }
}
