import type { Compare } from '../../store/index.js';
import { HeldHandle } from './held-handle.js';
import type { LockHold } from './lock-hold.js';

/** What a read/write lock does for those who hold it. */
export interface ReadWriteSteps {
  readonly giveBack: () => Promise<void>;
  readonly downgrade: () => Promise<HeldRead>;
  readonly tryUpgrade: () => Promise<HeldWrite | undefined>;
}

/**
 * A read/write lock that is held for reading: others may read as well, nobody writes.
 *
 * @example
 * await using held = await coord.readWriteLock('index').read();
 * await search({ signal: held.signal });
 */
export class HeldRead extends HeldHandle {
  readonly #steps: ReadWriteSteps;

  constructor(hold: LockHold, steps: ReadWriteSteps) {
    super(hold, steps.giveBack);
    this.#steps = steps;
  }

  /** The condition "this hold still exists", for any transaction. */
  override guard(): Compare {
    return { key: this.key, target: 'create', operator: '=', operand: this.fence };
  }

  /**
   * Makes a writer of this reader, in one transaction and without letting go, if nobody else reads
   * or waits; otherwise undefined, and it stays a reader. It never waits: two readers that waited
   * for each other to go would wait for ever. Afterwards this handle is over, and what was read
   * under it is still true.
   * @throws CoordinationError `LockLost`, `NotOwner`, `Unavailable`
   */
  tryUpgrade(): Promise<HeldWrite | undefined> {
    return this.#steps.tryUpgrade();
  }
}

/**
 * A read/write lock that is held for writing: nobody else reads or writes.
 *
 * @example
 * await using held = await coord.readWriteLock('index').write();
 * await held.txn().put('index/version', '7').commitOrThrow();
 * await using reading = await held.downgrade();
 */
export class HeldWrite extends HeldHandle {
  readonly #steps: ReadWriteSteps;
  readonly #mark: Compare;

  /** @param mark - The condition that this still is a writer. */
  constructor(hold: LockHold, steps: ReadWriteSteps, mark: Compare) {
    super(hold, steps.giveBack);
    this.#steps = steps;
    this.#mark = mark;
  }

  /** The conditions "this hold still exists" and "it still is a writer", for any transaction. */
  override guard(): readonly Compare[] {
    return [{ key: this.key, target: 'create', operator: '=', operand: this.fence }, this.#mark];
  }

  /**
   * Makes a reader of this writer, in one transaction and at its place: nobody writes in between,
   * and readers that wait come in. Afterwards this handle is over, its signal aborted, and what it
   * answers with is what has to be released.
   * @throws CoordinationError `LockLost`, `NotOwner`, `Unavailable`
   */
  downgrade(): Promise<HeldRead> {
    return this.#steps.downgrade();
  }
}
