import type { Observable } from 'rxjs';
import {
  type Compare,
  type KeyValue,
  prefix,
  toText,
  type TxnOperation,
  type TxnRequest,
  type TxnResult,
} from '../../store/index.js';
import { awaitChange } from '../base/await-change.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import type { Guarded } from '../base/guarded.js';
import { checkSegment } from '../base/names.js';
import { decodeNote, encodeNote, type Metadata } from '../base/note.js';
import type { PrefixSnapshot } from '../base/prefix-view.js';
import { rangeOf } from '../base/queue-place.js';
import { RecipeView } from '../base/recipe-view.js';
import { TIMING } from '../base/timing.js';
import type { WaitPlan } from '../base/wait-plan.js';
import { CoordinationError } from '../errors.js';
import {
  decodeRound,
  encodeRound,
  latchKeys,
  type LatchKeys,
  latchPlan,
  type LatchRound,
  latchStatus,
  type LatchStatus,
} from './latch-state.js';

/** What a handle of a latch does before it is used. */
export interface LatchOptions {
  /** The count of the first round, set by the first who counts or waits if there is none yet. */
  readonly initialCount?: number;
}

/** How to count down. */
export interface CountDownOptions extends WaitOptions {
  /** What others see of what was counted. */
  readonly metadata?: Metadata;
}

/** What became of a countdown. */
export interface CountDownResult {
  readonly round: number;
  /** Whether the id is among those counted in that round; false when the round was open already. */
  readonly isCounted: boolean;
  /** How many were missing after it. */
  readonly remaining: number;
}

/** A round that was seen to be open, as a condition for transactions. */
export interface OpenLatch extends Guarded {
  readonly round: number;
  readonly revision: number;
  /** "The round is open and no new one was begun." */
  guard(): Compare;
}

/** The state of a latch with what goes with it, at one revision. */
interface View {
  readonly revision: number;
  readonly state: LatchRound | undefined;
  readonly stateRevision: number;
  readonly downs: number;
}

/**
 * A gate that opens when a number of distinct ids have been counted, once for each round. Counting
 * an id again counts it once, so whoever is not sure of having counted just does it again. There is
 * no waiting without an end: a counter that never comes would be waited for for ever. (After
 * Hazelcast's ICountDownLatch, which recognises a call that is repeated.)
 *
 * @example
 * const ready = coord.latch('shards-loaded', { initialCount: 4 });
 * await ready.countDown('shard-2');
 * await ready.wait({ timeoutMs: 60_000 });
 */
export class Latch {
  readonly name: string;
  /** Round, count and what was counted, at each revision. */
  readonly status$: RecipeView<LatchStatus>;
  /** What a wait would meet now. */
  readonly plan$: Observable<WaitPlan<'count'>>;
  readonly #context: RecipeContext;
  readonly #keys: LatchKeys;
  readonly #initialCount: number | undefined;

  /** @throws CoordinationError `InvalidArgument` */
  constructor(context: RecipeContext, name: string, options: LatchOptions = {}) {
    const { initialCount } = options;
    this.#context = context;
    this.name = name;
    this.#keys = latchKeys(name);
    this.#initialCount = initialCount === undefined ? undefined : checkCount(initialCount);
    const prefixes = [this.#keys.all] as const;
    this.status$ = new RecipeView(context, {
      prefixes,
      derive: ([all]) => this.#summarise(all).status,
    });
    this.plan$ = new RecipeView(context, {
      prefixes,
      derive: ([all]) => {
        const { status, last } = this.#summarise(all);
        return latchPlan(status, last && { key: toText(last.key), ...decodeNote(last.value) });
      },
    });
  }

  /**
   * Counts `id` in the round that is not open yet; an id counts once a round.
   * @throws CoordinationError `InvalidArgument` for an id that cannot be part of a key, or when the
   * latch has no count; `Aborted` or `Timeout`: it may have been counted all the same
   */
  async countDown(id: string, options: CountDownOptions = {}): Promise<CountDownResult> {
    checkSegment('latch id', id);
    using scope = this.#scope(options);
    const value = encodeNote(this.#context, options.metadata);
    const first = await this.#look(scope);
    for (let view = first; ; view = await this.#look(scope)) {
      const { round, isOpen } = this.#roundOf(view);
      // The round in which this call began is over: it needed nobody any more.
      if (round !== first.state?.round || isOpen) {
        const isCounted = round === first.state?.round && (await this.#isCounted(scope, round, id));
        return { round: first.state?.round ?? round, isCounted, remaining: 0 };
      }
      const key = this.#keys.down(round) + id;
      const reads: readonly TxnOperation[] = [
        { kind: 'range', key, keysOnly: true },
        { kind: 'range', ...prefix(this.#keys.down(round)), countOnly: true },
      ];
      const result = await this.#write(scope, {
        compare: [this.#unchanged(view), { key, target: 'create', operator: '=', operand: 0 }],
        success: [{ kind: 'put', key, value }, ...reads],
        failure: reads,
      });
      const [mine, counted] = result.responses.slice(-2);
      if (mine?.kind !== 'range' || mine.count === 0) continue;
      const downs = counted?.kind === 'range' ? counted.count : 0;
      const count = await this.#openIfCounted(scope, round, downs);
      return { round, isCounted: true, remaining: Math.max(0, count - downs) };
    }
  }

  /**
   * Waits until the round that is current now is open.
   * @throws CoordinationError `InvalidArgument` without a signal or a time limit, or when the latch
   * has no count; `Aborted`, `Timeout`
   */
  async wait(options: WaitOptions): Promise<OpenLatch> {
    if (options.signal === undefined && options.timeoutMs === undefined) {
      const message = `waiting for latch "${this.name}" needs a signal or a timeoutMs`;
      throw new CoordinationError('InvalidArgument', message);
    }
    using scope = this.#scope(options);
    const first = await this.#look(scope);
    const { round } = this.#roundOf(first);
    for (let view = first; ; view = await this.#look(scope)) {
      const { revision, stateRevision } = view;
      const state = this.#roundOf(view);
      if (state.round > round || state.isOpen) {
        const guard = (): Compare => this.#unchanged({ stateRevision });
        return { round, revision, guard };
      }
      // Whoever counted last may have died before it could open.
      if (view.downs >= state.count) await this.#openIfCounted(scope, round, view.downs);
      else {
        const watch = { key: this.#keys.state, startRevision: revision + 1 };
        const pollMs = TIMING.sessionTtlSeconds * 1000;
        await awaitChange(this.#context.store, scope, [watch], pollMs);
      }
    }
  }

  /**
   * Sets how many ids open the round that is not open yet; with fewer than were counted it opens.
   * @throws CoordinationError `InvalidArgument` when the round is open; `Aborted`, `Timeout`
   */
  async setCount(count: number, options: WaitOptions = {}): Promise<void> {
    checkCount(count);
    using scope = this.#scope(options);
    const nonce = this.#context.store.random.hex(8);
    for (;;) {
      const view = await this.#look(scope);
      const { state } = view;
      if (state?.nonce === nonce) return;
      if (state?.isOpen === true) throw this.#refuse(`round ${state.round} is open`);
      const round = state?.round ?? 1;
      const result = await this.#put(scope, view, { round, count, isOpen: false, nonce });
      if (!result.succeeded) continue;
      await this.#openIfCounted(scope, round, view.downs);
      return;
    }
  }

  /**
   * Begins a new round, with the same count unless one is given, and forgets what was counted in
   * the last one. Answers with the number of the round.
   * @throws CoordinationError `InvalidArgument` when the last round is not open yet: those who wait
   * for it would wait for nothing; `Aborted`, `Timeout`
   */
  async nextRound(options: WaitOptions & { readonly count?: number } = {}): Promise<number> {
    if (options.count !== undefined) checkCount(options.count);
    using scope = this.#scope(options);
    const nonce = this.#context.store.random.hex(8);
    for (;;) {
      const view = await this.#look(scope);
      const state = this.#roundOf(view);
      if (state.nonce === nonce) return state.round;
      if (!state.isOpen && view.downs < state.count) {
        throw this.#refuse(`round ${state.round} is not open yet`);
      }
      const round = state.round + 1;
      const count = options.count ?? state.count;
      const next = { round, count, isOpen: false, nonce };
      const forget = { kind: 'delete', ...prefix(this.#keys.down(state.round)) } as const;
      if ((await this.#put(scope, view, next, [forget])).succeeded) return round;
    }
  }

  /** The latch as it is now. */
  async status(options: WaitOptions = {}): Promise<LatchStatus> {
    using scope = this.#scope(options);
    const { store } = this.#context;
    const request = prefix(this.#keys.all);
    const read = await scope.retry(() => store.range(request, { signal: scope.signal }));
    const entries = new Map<string, KeyValue>();
    for (const kv of read.kvs) entries.set(toText(kv.key).slice(this.#keys.all.length), kv);
    return this.#summarise({ revision: read.header.revision, entries }).status;
  }

  /** Opens the round if enough were counted, unless somebody else has. Answers with its count. */
  async #openIfCounted(scope: CancelScope, round: number, downs: number): Promise<number> {
    for (;;) {
      const view = await this.#look(scope);
      const state = this.#roundOf(view);
      const isDue =
        state.round === round && !state.isOpen && Math.max(downs, view.downs) >= state.count;
      if (!isDue) return state.count;
      await this.#put(scope, view, { ...state, isOpen: true });
    }
  }

  /** The state, which the first reader of a latch with an initial count writes. */
  async #look(scope: CancelScope): Promise<View> {
    for (;;) {
      const view = await this.#read(scope);
      if (view.state !== undefined || this.#initialCount === undefined) return view;
      const nonce = this.#context.store.random.hex(8);
      const first = { round: 1, count: this.#initialCount, isOpen: false, nonce };
      await this.#put(scope, view, first);
    }
  }

  async #read(scope: CancelScope): Promise<View> {
    const { store } = this.#context;
    const { signal } = scope;
    for (let round = 1; ; ) {
      const success: readonly TxnOperation[] = [
        { kind: 'range', key: this.#keys.state },
        { kind: 'range', ...prefix(this.#keys.down(round)), countOnly: true },
      ];
      const result = await scope.retry(() => store.txn({ success }, { signal }));
      const kv = rangeOf(result.responses[0])?.[0];
      const state = decodeRound(kv);
      const counted = result.responses[1];
      if (state === undefined || state.round === round) {
        return {
          revision: result.header.revision,
          state,
          stateRevision: kv?.modRevision ?? 0,
          downs: counted?.kind === 'range' ? counted.count : 0,
        };
      }
      // What was counted is under the number of the round, which only now is known.
      round = state.round;
    }
  }

  async #isCounted(scope: CancelScope, round: number, id: string): Promise<boolean> {
    const key = this.#keys.down(round) + id;
    const { store } = this.#context;
    const read = await scope.retry(() => store.range({ key }, { signal: scope.signal }));
    return read.count > 0;
  }

  #put(
    scope: CancelScope,
    view: View,
    round: LatchRound,
    also: readonly TxnOperation[] = [],
  ): Promise<TxnResult> {
    const value = encodeRound(round);
    return this.#write(scope, {
      compare: [this.#unchanged(view)],
      success: [{ kind: 'put', key: this.#keys.state, value }, ...also],
    });
  }

  #write(scope: CancelScope, request: TxnRequest): Promise<TxnResult> {
    return scope.retry(() => this.#context.store.txn(request));
  }

  #unchanged({ stateRevision }: Pick<View, 'stateRevision'>): Compare {
    return { key: this.#keys.state, target: 'mod', operator: '=', operand: stateRevision };
  }

  #roundOf({ state }: View): LatchRound {
    if (state !== undefined) return state;
    throw this.#refuse('has no count: call setCount, or give the handle an initialCount');
  }

  #refuse(why: string): CoordinationError {
    return new CoordinationError('InvalidArgument', `latch "${this.name}": ${why}`);
  }

  #scope(options: WaitOptions): CancelScope {
    return new CancelScope(this.#context.store, options, this.#context.closed);
  }

  #summarise({ revision, entries }: PrefixSnapshot): {
    readonly status: LatchStatus;
    readonly last: KeyValue | undefined;
  } {
    const state = decodeRound(entries.get('state'));
    const start = this.#keys.down(state?.round ?? 1).slice(this.#keys.all.length);
    const downs: KeyValue[] = [];
    for (const [name, kv] of entries) if (name.startsWith(start)) downs.push(kv);
    const last = downs.toSorted((a, b) => a.createRevision - b.createRevision).at(-1);
    return { status: latchStatus(revision, state, downs), last };
  }
}

function checkCount(count: number): number {
  if (Number.isInteger(count) && count >= 1) return count;
  throw new CoordinationError('InvalidArgument', `count ${count} is not a positive integer`);
}
