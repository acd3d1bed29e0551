import type { Observable } from 'rxjs';
import { type KeyValue, prefix, type TxnOperation } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { enterQueue } from '../base/enter-queue.js';
import type { Metadata } from '../base/note.js';
import { QueuePlace, rangeOf } from '../base/queue-place.js';
import { RecipeView } from '../base/recipe-view.js';
import type { Session, SessionOptions } from '../base/session.js';
import type { WaitPlan } from '../base/wait-plan.js';
import { CoordinationError } from '../errors.js';
import { HeldPermit } from './held-permit.js';
import { PermitRequest, type PermitTerms } from './permit-request.js';
import { semaphoreKeys, type SemaphoreKeys } from './semaphore-layout.js';
import {
  decodeEntries,
  decodeLimit,
  encodeLimit,
  isCount,
  type SemaphoreLimit,
  type SemaphoreOrder,
} from './semaphore-state.js';
import {
  planOf,
  type SemaphoreRule,
  type SemaphoreStatus,
  statusOf,
  summarise,
} from './semaphore-status.js';

/** What a handle of a semaphore does before it asks for permits. */
export interface SemaphoreOptions {
  /** The limit that is set by the first who asks, if the semaphore has none yet. */
  readonly initialLimit?: number;
  /** The order that goes with `initialLimit`; default `fifo`. */
  readonly order?: SemaphoreOrder;
}

/** How to take permits. */
export interface PermitOptions extends WaitOptions {
  /** How many permits, at least one; default 1. */
  readonly weight?: number;
  /** What others see of this holder or waiter. */
  readonly metadata?: Metadata;
  /** A session for this acquisition alone, instead of the shared one. */
  readonly privateSession?: SessionOptions;
}

/** What `tryAcquire` answers: the permits, or what is in the way. */
export type TryPermitResult =
  | { readonly ok: true; readonly held: HeldPermit }
  | { readonly ok: false; readonly plan: WaitPlan<SemaphoreRule> };

/**
 * At most as many permits at a time as a limit that is data: anybody may change it while others
 * hold and wait. A limit that shrinks takes nothing away; the semaphore drains, and nothing is
 * granted until enough came back. Permits of a dead session vanish with its lease. A handle is
 * cheap and may hold and await any number of permits. (After Curator's InterProcessSemaphoreV2,
 * whose waiters take turns at watching; here a grant is one transaction that a changed limit or
 * another grant makes fail.)
 *
 * @example
 * const downloads = coord.semaphore('downloads', { initialLimit: 4 });
 * await using held = await downloads.acquire({ weight: 2, timeoutMs: 60_000 });
 * await fetch(url, { signal: held.signal });
 */
export class Semaphore {
  readonly name: string;
  /** Limit, holders and waiters at one revision. */
  readonly status$: RecipeView<SemaphoreStatus>;
  /** Why this handle waits; for one that does neither that nor hold, what asking would meet. */
  readonly plan$: Observable<WaitPlan<SemaphoreRule>>;
  readonly #context: RecipeContext;
  readonly #keys: SemaphoreKeys;
  readonly #initialLimit: SemaphoreLimit | undefined;
  /** Ids of what this handle waits for and holds. */
  readonly #mine = new Set<string>();

  /** @throws CoordinationError `InvalidArgument` */
  constructor(context: RecipeContext, name: string, options: SemaphoreOptions = {}) {
    const { initialLimit, order = 'fifo' } = options;
    this.#context = context;
    this.name = name;
    this.#keys = semaphoreKeys(name);
    this.#initialLimit =
      initialLimit === undefined ? undefined : { limit: checkLimit(initialLimit), order };
    const prefixes = [this.#keys.all] as const;
    this.status$ = new RecipeView(context, { prefixes, derive: ([all]) => statusOf(all) });
    this.plan$ = new RecipeView(context, {
      prefixes,
      derive: ([all]) => planOf(statusOf(all), { mine: this.#mine, weight: 1 }),
    });
  }

  /**
   * Waits for permits.
   * @throws CoordinationError `Aborted`, `Timeout`, `SessionLost`; `InvalidArgument` when the
   * semaphore has no limit; `LockLost` when somebody deleted the waiting entry
   */
  async acquire(options: PermitOptions = {}): Promise<HeldPermit> {
    const terms = this.#terms(options);
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    const request = await this.#enter(scope, options, terms, (begun, inner) => begun.begin(inner));
    try {
      return this.#hold(request, await request.wait(scope), options);
    } catch (error) {
      this.#drop(request, options);
      throw error;
    }
  }

  /**
   * Takes permits if they can be had at once, in one transaction that otherwise leaves nothing.
   * @throws CoordinationError as `acquire`
   *
   * @example
   * const tried = await coord.semaphore('downloads', { initialLimit: 4 }).tryAcquire();
   * if (tried.ok) await tried.held.release();
   * else console.log(tried.plan.reason);
   */
  async tryAcquire(options: PermitOptions = {}): Promise<TryPermitResult> {
    const terms = this.#terms(options);
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    const request = await this.#enter(scope, options, terms, (tried, inner) => tried.tryNow(inner));
    const granted = request.grantRevision;
    try {
      if (granted !== undefined) {
        await scope.race(request.place.session.confirmed());
        return { ok: true, held: this.#hold(request, granted, options) };
      }
      const status = await this.#readStatus(scope);
      this.#drop(request, options);
      return { ok: false, plan: planOf(status, { mine: new Set(), weight: terms.weight }) };
    } catch (error) {
      this.#drop(request, options);
      throw error;
    }
  }

  /**
   * Takes permits, does the work, and gives them back. A failure of the work wins over any other;
   * work that ended well fails with `LockLost` when the permits were lost under it.
   *
   * @example
   * const downloads = coord.semaphore('downloads', { initialLimit: 4 });
   * await downloads.withPermit({ weight: 2 }, (held) => load(held.signal));
   */
  withPermit<T>(options: PermitOptions, work: (held: HeldPermit) => Promise<T> | T): Promise<T> {
    const run = async (): Promise<T> => {
      const held = await this.acquire(options);
      let result: T;
      try {
        result = await work(held);
      } catch (error) {
        await held[Symbol.asyncDispose]();
        throw error;
      }
      await held.release();
      return result;
    };
    return this.#context.track(run());
  }

  /**
   * Sets the limit, and the order if one is given; wakes only the head of the line. A limit of 0
   * stops all grants.
   * @throws CoordinationError `InvalidArgument`, `Aborted`, `Timeout`
   */
  async setLimit(
    limit: number,
    options: WaitOptions & { readonly order?: SemaphoreOrder } = {},
  ): Promise<void> {
    checkLimit(limit);
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const key = this.#keys.limit;
    for (;;) {
      const { signal } = scope;
      const read = await scope.retry(() => store.range({ key }, { signal }));
      const known = read.kvs[0];
      const order = options.order ?? decodeLimit(known)?.order ?? this.#initialLimit?.order;
      const value = encodeLimit({ limit, order: order ?? 'fifo' });
      const operand = known?.modRevision ?? 0;
      const result = await scope.retry(() =>
        store.txn({
          compare: [{ key, target: 'mod', operator: '=', operand }],
          success: [{ kind: 'put', key, value }],
        }),
      );
      if (result.succeeded) return;
      // Somebody else wrote it, or an answer was lost: reading tells whether it says what it
      // should.
      const now = await scope.retry(() => store.range({ key }, { signal }));
      const said = decodeLimit(now.kvs[0]);
      if (said?.limit === limit && (options.order ?? said.order) === said.order) return;
    }
  }

  /** The semaphore as it is now. */
  async status(options: WaitOptions = {}): Promise<SemaphoreStatus> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    return await this.#readStatus(scope);
  }

  async #readStatus(scope: CancelScope): Promise<SemaphoreStatus> {
    const { limit, held, line } = this.#keys;
    const success: readonly TxnOperation[] = [
      { kind: 'range', key: limit },
      { kind: 'range', ...prefix(held) },
      { kind: 'range', ...prefix(line) },
    ];
    const { signal } = scope;
    const result = await scope.retry(() => this.#context.store.txn({ success }, { signal }));
    const found = (place: number): readonly KeyValue[] => rangeOf(result.responses[place]) ?? [];
    return summarise(
      result.header.revision,
      decodeLimit(found(0)[0]),
      decodeEntries(found(1)),
      decodeEntries(found(2)),
    );
  }

  /** A request that has begun; one that found its session gone begins again with a new one. */
  async #enter(
    scope: CancelScope,
    options: PermitOptions,
    terms: PermitTerms,
    begin: (request: PermitRequest, scope: CancelScope) => Promise<void>,
  ): Promise<PermitRequest> {
    const requests = new Map<QueuePlace, PermitRequest>();
    const { place } = await enterQueue(this.#context, scope, {
      session: () => this.#session(scope, options),
      place: (session) => {
        const made = new QueuePlace(this.#context, session, this.#keys.line);
        requests.set(made, new PermitRequest(this.#context, this.#keys, made, terms));
        this.#mine.add(made.id);
        return made;
      },
      enter: (made, inner) => begin(known(requests, made), inner),
      drop: (made) => this.#drop(known(requests, made), options),
    });
    return known(requests, place);
  }

  #session(scope: CancelScope, options: PermitOptions): Promise<Session> {
    const { sessions } = this.#context;
    if (options.privateSession === undefined) return sessions.shared(scope);
    return sessions.apart(scope, options.privateSession);
  }

  #drop(request: PermitRequest, options: PermitOptions): void {
    this.#mine.delete(request.place.id);
    if (options.privateSession === undefined) request.drop();
    else void this.#context.track(request.place.session.close());
  }

  #hold(request: PermitRequest, grantRevision: number, options: PermitOptions): HeldPermit {
    request.sweepLine();
    return new HeldPermit(this.#context, {
      name: this.name,
      weight: options.weight ?? 1,
      request,
      grantRevision,
      closesSession: options.privateSession !== undefined,
      ended: () => this.#mine.delete(request.place.id),
    });
  }

  #terms(options: PermitOptions): PermitTerms {
    const { weight = 1, metadata } = options;
    if (!isCount(weight) || weight === 0) {
      throw new CoordinationError('InvalidArgument', `weight ${weight} is not a positive integer`);
    }
    return { name: this.name, weight, metadata, initialLimit: this.#initialLimit };
  }
}

function known(requests: ReadonlyMap<QueuePlace, PermitRequest>, place: QueuePlace): PermitRequest {
  const request = requests.get(place);
  if (request === undefined) throw new Error('a place in line without a request');
  return request;
}

function checkLimit(limit: number): number {
  if (isCount(limit)) return limit;
  const message = `limit ${limit} is not an integer from 0 to 2147483647`;
  throw new CoordinationError('InvalidArgument', message);
}
