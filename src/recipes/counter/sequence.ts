import { type KeyValue, toText } from '../../store/index.js';
import { backoffMs, CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { rangeOf } from '../base/queue-place.js';
import { RecipeView } from '../base/recipe-view.js';
import { CoordinationError } from '../errors.js';
import { sequenceKey } from './counter-layout.js';

/** How a handle takes numbers. */
export interface SequenceOptions {
  /**
   * Numbers that are taken from the store at a time; default 100. What is left of them when the
   * process ends is lost: a gap.
   */
  readonly blockSize?: number;
}

const BLOCK_DEFAULT = 100;
const BLOCK_MAX = 1_000_000;
const DECIMAL = /^\d{1,16}$/;

/**
 * Numbers that no other client gets, from 1 on, taken from the store in blocks. The numbers of one
 * handle grow; those of several are not in order, and there are gaps.
 *
 * @example
 * const ids = coord.sequence('invoices', { blockSize: 10 });
 * const id = await ids.next();
 */
export class Sequence {
  readonly name: string;
  /** The first number that nobody has taken yet; replays the last one. */
  readonly status$: RecipeView<{ readonly revision: number; readonly next: number }>;
  readonly #context: RecipeContext;
  readonly #key: string;
  readonly #blockSize: number;
  /** The next number of the block at hand, and the one after its last. */
  #next = 1;
  #end = 1;
  #refill: Promise<void> | undefined;

  /** @throws CoordinationError `InvalidArgument` */
  constructor(context: RecipeContext, name: string, options: SequenceOptions) {
    const { blockSize = BLOCK_DEFAULT } = options;
    if (!Number.isInteger(blockSize) || blockSize < 1 || blockSize > BLOCK_MAX) {
      const message = `block size ${blockSize} is not an integer from 1 to ${BLOCK_MAX}`;
      throw new CoordinationError('InvalidArgument', message);
    }
    this.#context = context;
    this.name = name;
    this.#key = sequenceKey(name);
    this.#blockSize = blockSize;
    this.status$ = new RecipeView(context, {
      prefixes: [this.#key],
      derive: ([{ revision, entries }]) => ({ revision, next: this.#decode(entries.get('')) }),
    });
  }

  /**
   * The next number of this handle. Calls that wait for the same block are served in their order.
   * @throws CoordinationError `Aborted`, `Timeout`; `InvalidArgument` when the numbers would no
   * longer be exact, or the key holds none
   */
  async next(options: WaitOptions = {}): Promise<number> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    scope.check();
    while (this.#next >= this.#end) {
      // It goes on when this caller gives up: a block that was taken serves the next one.
      this.#refill ??= this.#context.track(this.#takeBlock()).finally(() => {
        this.#refill = undefined;
      });
      await scope.race(this.#refill);
    }
    const number = this.#next;
    this.#next += 1;
    return number;
  }

  /**
   * Takes a block. Only an answer makes it ours: one that was lost costs a gap and never a number
   * that two have.
   */
  async #takeBlock(): Promise<void> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, {}, closed);
    const key = this.#key;
    const request = { key };
    const { kvs } = await scope.retry(() => store.range(request, { signal: scope.signal }));
    let seen = kvs[0];
    for (let conflicts = 0; ; conflicts++) {
      // Somebody may have deleted or lowered the key; this handle does not go back.
      const first = Math.max(this.#decode(seen), this.#end);
      const end = first + this.#blockSize;
      if (!Number.isSafeInteger(end)) {
        const message = `sequence "${this.name}" has no exact numbers left`;
        throw new CoordinationError('InvalidArgument', message);
      }
      const operand = seen?.modRevision ?? 0;
      const result = await scope.retry(() =>
        store.txn({
          compare: [{ key, target: 'mod', operator: '=', operand }],
          success: [{ kind: 'put', key, value: String(end) }],
          failure: [{ kind: 'range', key }],
        }),
      );
      if (result.succeeded) {
        this.#next = first;
        this.#end = end;
        return;
      }
      seen = rangeOf(result.responses[0])?.[0];
      if (conflicts > 0) await scope.pause(backoffMs(store.random, conflicts) / BACKOFF_DIVISOR);
    }
  }

  #decode(kv: KeyValue | undefined): number {
    if (kv === undefined) return 1;
    const text = toText(kv.value);
    const next = Number(text);
    if (DECIMAL.test(text) && Number.isSafeInteger(next) && next >= 1) return next;
    throw new CoordinationError('InvalidArgument', `${this.#key} holds no number of a sequence`);
  }
}

/** Conflicts are short: whoever was faster is done by the next look. */
const BACKOFF_DIVISOR = 10;
