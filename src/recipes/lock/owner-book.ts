import { CoordinationError } from '../errors.js';
import type { LockHold } from './lock-hold.js';

/** What an owner has of a handle: a hold, or one in the making. */
interface OwnerEntry {
  readonly taking: Promise<LockHold | undefined>;
  hold: LockHold | undefined;
  count: number;
}

/** A hold as one of its owner's askings was given it. */
export interface OwnedHold {
  readonly hold: LockHold;
  /** Gives this share back; the hold goes with the last one. */
  readonly giveBack: () => Promise<void>;
  /** Another hold takes the place of this one, for the same owner. */
  readonly replace: (hold: LockHold) => void;
}

/**
 * Keeps the rule that a handle stands for one owner, or for one owner a token. An owner without a
 * token that asks for what it has is told so, instead of waiting for itself for ever; one with a
 * token shares its own hold. It never looks at who runs the code: async work that forks would make
 * that a guess.
 */
export class OwnerBook {
  readonly #what: string;
  readonly #owners = new Map<unknown, OwnerEntry>();

  /** @param what - For messages, such as `lock "jobs"`. */
  constructor(what: string) {
    this.#what = what;
  }

  /** @throws CoordinationError `WouldDeadlock`, and what `take` throws */
  async own(
    owner: unknown,
    take: () => Promise<LockHold | undefined>,
  ): Promise<OwnedHold | undefined> {
    const known = this.#owners.get(owner);
    const entry = known?.hold?.ownership.signal.aborted === true ? undefined : known;
    if (entry !== undefined && owner === undefined) {
      const message = `this handle of ${this.#what} already holds or awaits it`;
      throw new CoordinationError('WouldDeadlock', message);
    }
    const mine = entry ?? this.#begin(owner, take);
    mine.count += 1;
    try {
      mine.hold = await mine.taking;
    } catch (error) {
      this.#forget(owner, mine);
      throw error;
    }
    if (mine.hold === undefined) {
      this.#forget(owner, mine);
      return undefined;
    }
    return {
      hold: mine.hold,
      giveBack: () => this.#giveBack(owner, mine),
      replace: (hold) => {
        mine.hold = hold;
      },
    };
  }

  #begin(owner: unknown, take: () => Promise<LockHold | undefined>): OwnerEntry {
    const entry: OwnerEntry = { taking: take(), hold: undefined, count: 0 };
    this.#owners.set(owner, entry);
    return entry;
  }

  async #giveBack(owner: unknown, entry: OwnerEntry): Promise<void> {
    entry.count -= 1;
    if (entry.count > 0) return;
    this.#forget(owner, entry);
    await entry.hold?.release();
  }

  #forget(owner: unknown, entry: OwnerEntry): void {
    if (this.#owners.get(owner) === entry) this.#owners.delete(owner);
  }
}
