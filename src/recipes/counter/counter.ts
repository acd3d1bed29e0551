import { type Compare, type KeyValue, toBytes, type TxnRequest } from '../../store/index.js';
import { backoffMs, CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import type { Guarded } from '../base/guarded.js';
import { sendUntilAnswered } from '../base/in-doubt.js';
import { rangeOf } from '../base/queue-place.js';
import { RecipeView } from '../base/recipe-view.js';
import { CoordinationError } from '../errors.js';
import { counterKey } from './counter-layout.js';
import {
  type CounterState,
  decodeCounter,
  encodeCounter,
  inInt64,
  OPERATIONS_MAX,
} from './counter-state.js';

/** How to add to a counter. */
export interface AddOptions extends WaitOptions {
  /**
   * Names the operation: adding again under the same name adds nothing, as long as the counter
   * remembers it. Default: a name of its own for each call.
   */
  readonly opId?: string;
}

/** What came of an addition. */
export interface Added {
  /** The value that the counter had after this operation. */
  readonly value: bigint;
  /** False when the operation had been counted before. */
  readonly applied: boolean;
}

/** A counter at one revision. */
export interface CounterReading extends Guarded {
  readonly value: bigint;
  /** The revision of the counter's last change; 0 when it was never written. */
  readonly modRevision: number;
}

/** Where a series of tries began: to tell whether the counter may have forgotten one of them. */
interface Origin {
  readonly createRevision: number;
  readonly version: number;
}

/**
 * A shared number of 64 bits. Each addition is a comparison with the revision that it was computed
 * from, so none is lost; and it leaves its name in the value, so none counts twice, also when its
 * answer is lost.
 *
 * @example
 * const { value } = await coord.counter('visits').add(1);
 * await coord.counter('stock').add(-1n, { opId: order.id });
 */
export class Counter {
  readonly name: string;
  /** The value; replays the last one. It fails with `InvalidArgument` when the key holds none. */
  readonly value$: RecipeView<bigint>;
  /** The value with the revision of its last change. */
  readonly status$: RecipeView<CounterReading>;
  readonly #context: RecipeContext;
  readonly #key: string;
  /** As it was seen last; null when it was seen to be absent, undefined before the first look. */
  #seen: KeyValue | null | undefined;

  constructor(context: RecipeContext, name: string) {
    this.#context = context;
    this.name = name;
    this.#key = counterKey(name);
    this.value$ = new RecipeView(context, {
      prefixes: [this.#key],
      derive: ([{ entries }]) => decodeCounter(this.#key, entries.get('')).value,
      same: (a, b) => a === b,
    });
    this.status$ = new RecipeView(context, {
      prefixes: [this.#key],
      derive: ([{ entries }]) => this.#reading(entries.get('')),
    });
  }

  /**
   * The value now.
   * @throws CoordinationError `Aborted`, `Timeout`, `InvalidArgument` when the key holds no counter
   */
  async get(options: WaitOptions = {}): Promise<bigint> {
    return (await this.read(options)).value;
  }

  /**
   * The value with its revision, for writing something only while it stays.
   * @throws CoordinationError as `get`
   *
   * @example
   * const reading = await coord.counter('epoch').read();
   * await coord.txn().if(reading).put('epoch/plan', 'the plan of this epoch').commitOrThrow();
   */
  async read(options: WaitOptions = {}): Promise<CounterReading> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    return this.#reading(await this.#look(scope));
  }

  /**
   * Adds `amount`, which may be negative, exactly once.
   * @throws CoordinationError `InvalidArgument` when `amount` is no integer or the sum does not fit
   * into 64 bits, `Aborted`, `Timeout`; `Unavailable` when an answer was lost and so many others
   * have added since, or the store has begun to refuse, that it cannot be known whether this one
   * counted
   */
  async add(amount: bigint | number, options: AddOptions = {}): Promise<Added> {
    const summand = toBigint(amount);
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const id = options.opId ?? store.random.hex(8);
    let origin: Origin | undefined;
    let unsure = false;
    for (let conflicts = 0; ; conflicts++) {
      const seen = this.#seen === undefined ? await this.#look(scope) : (this.#seen ?? undefined);
      const state = decodeCounter(this.#key, seen);
      const counted = state.operations.find((operation) => operation.id === id);
      if (counted !== undefined) return { value: counted.value, applied: unsure };
      origin ??= originOf(seen);
      if (unsure) this.#checkMemory(origin, seen);
      const value = inInt64(this.#key, state.value + summand);
      const next = { value, operations: [...state.operations, { id, value }] };
      const result = await sendUntilAnswered(scope, 'the addition has counted', (failures) => {
        unsure ||= failures > 0;
        return store.txn(this.#request(seen, next));
      });
      if (result.succeeded) {
        this.#seen = written(seen, this.#key, next, result.header.revision);
        return { value, applied: true };
      }
      this.#seen = rangeOf(result.responses[0])?.[0] ?? null;
      if (conflicts > 0) await scope.pause(backoffMs(store.random, conflicts) / BACKOFF_DIVISOR);
    }
  }

  #request(seen: KeyValue | undefined, next: CounterState): TxnRequest {
    const key = this.#key;
    const operand = seen?.modRevision ?? 0;
    return {
      compare: [{ key, target: 'mod', operator: '=', operand }],
      success: [{ kind: 'put', key, value: encodeCounter(next) }],
      failure: [{ kind: 'range', key }],
    };
  }

  async #look(scope: CancelScope): Promise<KeyValue | undefined> {
    const { store } = this.#context;
    const request = { key: this.#key };
    const { kvs } = await scope.retry(() => store.range(request, { signal: scope.signal }));
    return kvs[0];
  }

  /** The memory is bounded: beyond that nobody can tell whether an unanswered try has counted. */
  #checkMemory(origin: Origin, seen: KeyValue | undefined): void {
    const now = originOf(seen);
    const isSame = now.createRevision === origin.createRevision || origin.createRevision === 0;
    if (isSame && now.version - origin.version <= OPERATIONS_MAX) return;
    const message = `it is not known whether the addition to counter "${this.name}" has counted`;
    throw new CoordinationError('Unavailable', message);
  }

  #reading(kv: KeyValue | undefined): CounterReading {
    const modRevision = kv?.modRevision ?? 0;
    const compare: Compare = {
      key: this.#key,
      target: 'mod',
      operator: '=',
      operand: modRevision,
    };
    const { value } = decodeCounter(this.#key, kv);
    return { value, modRevision, guard: () => compare };
  }
}

/** Conflicts are short: whoever was faster is done by the next look. */
const BACKOFF_DIVISOR = 10;

/** The pair as it is after a write that succeeded, so that the next one needs no look. */
function written(
  before: KeyValue | undefined,
  key: string,
  state: CounterState,
  revision: number,
): KeyValue {
  return {
    key: toBytes(key),
    value: toBytes(encodeCounter(state)),
    createRevision: before?.createRevision ?? revision,
    modRevision: revision,
    version: (before?.version ?? 0) + 1,
    lease: 0n,
  };
}

function originOf(kv: KeyValue | undefined): Origin {
  return { createRevision: kv?.createRevision ?? 0, version: kv?.version ?? 0 };
}

function toBigint(amount: bigint | number): bigint {
  if (typeof amount === 'bigint') return amount;
  if (Number.isSafeInteger(amount)) return BigInt(amount);
  throw new CoordinationError('InvalidArgument', `${amount} is not an integer that is exact`);
}
