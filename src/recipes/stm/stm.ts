import { backoffMs, CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { checkName } from '../base/names.js';
import { CoordinationError } from '../errors.js';
import { Commits } from './commits.js';
import { Transaction } from './transaction.js';

/** How a transaction is tried. */
export interface StmOptions extends WaitOptions {
  /** Tries after the first one, before it fails with `Conflict`; default 32. */
  readonly maxRetries?: number;
  /** Under which name the client keeps its markers; default `stm`. See the page of the recipe. */
  readonly name?: string;
}

/** What a function of a transaction may do. */
export type StmFunction<T> = (tx: Transaction) => Promise<T> | T;

const RETRIES_MAX = 32;
const NAME = 'stm';

/**
 * Transactions that are functions: they read and write as if they were alone, and run again when
 * others changed what they have read. Owns the tries, the pauses between them and the end of each.
 */
export class Stm {
  readonly #context: RecipeContext;
  readonly #commits: Commits;
  #isEntering = false;

  constructor(context: RecipeContext) {
    this.#context = context;
    this.#commits = new Commits(context);
  }

  /** See `Coordination.stm`. */
  async run<T>(work: StmFunction<T>, options: StmOptions): Promise<T> {
    if (this.#isEntering) {
      throw new CoordinationError('InvalidArgument', 'a transaction was begun within another one');
    }
    const { maxRetries = RETRIES_MAX, name = NAME } = options;
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    scope.check();
    using commit = this.#commits.begin(checkName('stm', name));
    for (let tries = 0; ; tries++) {
      const tx = new Transaction(store, scope);
      const tried = await this.#try(tx, work, scope);
      if (tried !== undefined) {
        const writes = tx.writes;
        // Without writes all is said: what was read was all of one revision.
        if (writes.length === 0) return tried.result;
        const conditions = tx.conditions;
        const committed = await commit.send(scope, { conditions, writes, result: tried.result });
        if (committed !== undefined) return committed.result as T;
      }
      if (tries >= maxRetries) {
        const message = `the transaction was overtaken by others ${tries + 1} times`;
        throw new CoordinationError('Conflict', message);
      }
      await scope.pause(backoffMs(store.random, Math.min(tries, BACKOFF_STEPS)) / BACKOFF_DIVISOR);
    }
  }

  /** The result, or undefined when the revision of the reads was compacted away. */
  async #try<T>(
    tx: Transaction,
    work: StmFunction<T>,
    scope: CancelScope,
  ): Promise<{ readonly result: T } | undefined> {
    try {
      return { result: await scope.race(this.#enter(tx, work)) };
    } catch (error) {
      if (tx.isOutdated && !scope.signal.aborted) return undefined;
      throw error;
    } finally {
      tx.end();
    }
  }

  /** Sees transactions that the function begins before it waits for anything. */
  async #enter<T>(tx: Transaction, work: StmFunction<T>): Promise<T> {
    this.#isEntering = true;
    let begun: Promise<T> | T;
    try {
      begun = work(tx);
    } finally {
      this.#isEntering = false;
    }
    return await begun;
  }
}

/** Conflicts are short, so the pauses are as well, and stop growing early. */
const BACKOFF_DIVISOR = 10;
const BACKOFF_STEPS = 5;
