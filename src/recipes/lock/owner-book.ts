import type { CancelScope } from '../base/cancel-scope.js';
import { CoordinationError, isCoordinationError } from '../errors.js';

/** What an owner can have, to be released once. */
export interface Ownable {
  /** Whether it has ended, by the clock and not by what timers said. */
  readonly isOver: boolean;
  /** Resolves when it is certain that it has not ended. @throws CoordinationError `SessionLost` */
  confirmed(): Promise<void>;
  /** @throws CoordinationError `LockLost` when it was lost */
  checkLoss(): Promise<void>;
  release(): Promise<void>;
}

/** What an owner has of a handle: a hold, or one in the making. */
interface OwnerEntry<Hold> {
  readonly taking: Promise<Hold | undefined>;
  /** Whether it is being taken by a try, which ends without a wait. */
  readonly isTry: boolean;
  hold: Hold | undefined;
  count: number;
}

/** How one asking of an owner differs from another. */
export interface OwnOptions {
  /** What bounds this asking when it joins one that is under way. */
  readonly limits?: () => CancelScope;
  /** Whether it wants an answer at once: it joins no asking that waits in line. */
  readonly isTry?: boolean;
}

/** A hold as one of its owner's askings was given it. */
export interface OwnedHold<Hold extends Ownable> {
  readonly hold: Hold;
  /** Gives this share back; the hold goes with the last one. */
  readonly giveBack: () => Promise<void>;
  /** Another hold takes the place of this one, for the same owner. */
  readonly replace: (hold: Hold) => void;
}

/**
 * Keeps the rule that a handle stands for one owner, or for one owner a token. An owner without a
 * token that asks for what it has is told so, instead of waiting for itself for ever; one with a
 * token shares its own hold. It never looks at who runs the code: async work that forks would make
 * that a guess.
 */
export class OwnerBook<Hold extends Ownable> {
  readonly #what: string;
  readonly #owners = new Map<unknown, OwnerEntry<Hold>>();

  /** @param what - For messages, such as `lock "jobs"`. */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * Undefined when a try found it taken, by others or by an asking of the same owner that waits.
   * @throws CoordinationError `WouldDeadlock`, what `take` throws, and what ends the limits
   */
  async own(
    owner: unknown,
    take: () => Promise<Hold | undefined>,
    options: OwnOptions = {},
  ): Promise<OwnedHold<Hold> | undefined> {
    const { limits, isTry = false } = options;
    const known = this.#owners.get(owner);
    const entry = known?.hold?.isOver === true ? undefined : known;
    if (entry !== undefined && owner === undefined) {
      const message = `this handle of ${this.#what} already holds or awaits it`;
      throw new CoordinationError('WouldDeadlock', message);
    }
    if (isTry && entry !== undefined && entry.hold === undefined && !entry.isTry) return undefined;
    const mine = entry ?? this.#begin(owner, take, isTry);
    mine.count += 1;
    if (entry !== undefined && limits !== undefined) {
      using scope = limits();
      const isOver = await this.#join(owner, entry, scope);
      if (isOver) return await this.own(owner, take, options);
    }
    try {
      mine.hold = await mine.taking;
    } catch (error) {
      this.#forget(owner, mine);
      throw error;
    }
    if (mine.hold === undefined) {
      this.#forget(owner, mine);
      // That it is not to be had at once answers those who try, and not those who wait.
      return isTry || entry === undefined ? undefined : await this.own(owner, take, options);
    }
    return {
      hold: mine.hold,
      giveBack: () => this.#giveBack(owner, mine),
      replace: (hold) => {
        mine.hold = hold;
      },
    };
  }

  /**
   * Waits for what another asking began, or has. True: that one gave up, or has lost it, and this
   * one has to begin.
   */
  async #join(owner: unknown, entry: OwnerEntry<Hold>, scope: CancelScope): Promise<boolean> {
    let hold: Hold | undefined;
    try {
      hold = await scope.race(entry.taking);
      await scope.race(hold?.confirmed() ?? Promise.resolve());
      if (hold?.isOver !== true) return false;
      // It was taken away while its session was in doubt.
      void this.#giveBack(owner, entry).catch(() => undefined);
      this.#forget(owner, entry);
      return true;
    } catch (error) {
      // What ends this asking says more than what becomes of its share.
      void this.#giveBack(owner, entry).catch(() => undefined);
      scope.check();
      const isGivenUp =
        isCoordinationError(error, 'Aborted') || isCoordinationError(error, 'Timeout');
      if (!isGivenUp && hold?.isOver !== true) throw error;
      this.#forget(owner, entry);
      return true;
    }
  }

  #begin(owner: unknown, take: () => Promise<Hold | undefined>, isTry: boolean): OwnerEntry<Hold> {
    const entry: OwnerEntry<Hold> = { taking: take(), isTry, hold: undefined, count: 0 };
    this.#owners.set(owner, entry);
    return entry;
  }

  async #giveBack(owner: unknown, entry: OwnerEntry<Hold>): Promise<void> {
    entry.count -= 1;
    if (entry.count > 0) return await entry.hold?.checkLoss();
    this.#forget(owner, entry);
    await entry.hold?.release();
  }

  #forget(owner: unknown, entry: OwnerEntry<Hold>): void {
    if (this.#owners.get(owner) === entry) this.#owners.delete(owner);
  }
}
