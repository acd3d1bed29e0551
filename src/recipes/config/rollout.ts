import { BehaviorSubject, map, type Observable, Subscription } from 'rxjs';
import { prefix } from '../../store/index.js';
import { awaitChange } from '../base/await-change.js';
import { backoffMs, CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { Ending } from '../base/ending.js';
import { checkSegment } from '../base/names.js';
import { TIMING } from '../base/timing.js';
import type { WaitPlan } from '../base/wait-plan.js';
import { CoordinationError } from '../errors.js';
import type { Accepted } from './config-accepted.js';
import { stateId } from './config-source.js';
import type { ConfigRejection } from './config-status.js';
import { type BegunAttempt, RolloutDesk } from './rollout-desk.js';
import { type HealthTerms, soak } from './rollout-health.js';
import {
  decodeMark,
  failuresOf,
  type RolloutBook,
  type RolloutFailure,
  RolloutKeys,
  type RolloutMark,
} from './rollout-marks.js';
import type {
  RolloutGate,
  RolloutOptions,
  RolloutPermit,
  RolloutSource,
} from './rollout-options.js';
import { planOf, type RolloutRule, type RolloutState } from './rollout-state.js';

/** A value with the name of what it was made of. */
interface Target<T> {
  readonly accepted: Accepted<T>;
  readonly id: string;
}

/** What the notes of all say about going on with a state. */
type Advice =
  | { readonly kind: 'go' | 'known' }
  | { readonly kind: 'failed'; readonly own: RolloutFailure }
  | { readonly kind: 'stopped'; readonly failures: readonly RolloutFailure[] };

/**
 * Applies a configuration to this instance when its turn has come, and reports how that went before
 * the next may go. Each turn begins with a look at the notes of all, after the permit was given:
 * who waited through the failures of others must not repeat them. That an attempt begins is noted
 * before, under no lease, so that a process which dies of a value counts as well.
 *
 * @example
 * const gate = coord.semaphore('app-rollout', { initialLimit: 2 });
 * await using rollout = config.applyWith(gate, {
 *   apply: (settings) => server.reconfigure(settings),
 *   healthy: () => server.errorRate() < 0.01,
 * });
 * rollout.state$.subscribe((state) => log.info(rollout.instance, state));
 */
export class Rollout<T> implements AsyncDisposable {
  readonly instance: string;
  readonly #context: RecipeContext;
  readonly #gate: RolloutGate;
  readonly #options: RolloutOptions<T>;
  readonly #desk: RolloutDesk;
  readonly #ended = new Ending();
  readonly #state = new BehaviorSubject<RolloutState>({ kind: 'idle' });
  readonly #subscriptions = new Subscription();
  readonly #running: Promise<void>;
  #newest: Target<T> | undefined;
  /** The update that this instance refused, when nothing has come since. */
  #refusal: ConfigRejection | undefined;
  /** What is in effect in this process. */
  #applied: Target<T> | undefined;
  /** The attempt under way: for what, and its end when that is not the newest any more. */
  #current: { readonly id: string; readonly superseded: Ending } | undefined;
  #wake: () => void = () => undefined;

  constructor(
    context: RecipeContext,
    config: RolloutSource<T>,
    gate: RolloutGate,
    options: RolloutOptions<T>,
  ) {
    this.instance = checkSegment('name of the instance', options.instance ?? context.identity);
    this.#context = context;
    this.#gate = gate;
    this.#options = options;
    this.#desk = new RolloutDesk(context, new RolloutKeys(config.prefix, this.instance));
    this.#subscriptions.add(
      config.confirmed$.subscribe({
        next: (accepted) => this.#hear(accepted),
        complete: () => this.#end(),
      }),
    );
    this.#subscriptions.add(
      config.rejected$.subscribe((rejection) => this.#hearRefusal(rejection)),
    );
    if (config.rejection !== undefined) this.#hearRefusal(config.rejection);
    this.#running = context.track(this.#run()).catch(() => undefined);
  }

  get state(): RolloutState {
    return this.#state.value;
  }

  /** How far it is on this instance; replays the last, completes when the rollout is closed. */
  get state$(): Observable<RolloutState> {
    return this.#state.asObservable();
  }

  /** What this instance waits for; replays the last. */
  get plan$(): Observable<WaitPlan<RolloutRule>> {
    return this.#state.pipe(map(planOf));
  }

  /** The revision of the value that is in effect; 0 before there is one. */
  get revision(): number {
    return this.#applied?.accepted.revision ?? 0;
  }

  /** Applies no more; an attempt under way is told, and is forgotten rather than failed. */
  async close(): Promise<void> {
    this.#end();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(): void {
    this.#ended.end(new CoordinationError('Aborted', 'the rollout was closed'));
    this.#subscriptions.unsubscribe();
  }

  #hear(accepted: Accepted<T> | undefined): void {
    if (accepted === undefined) return;
    const id = accepted.state === undefined ? '' : stateId(accepted.state);
    this.#newest = { accepted, id };
    this.#refusal = undefined;
    const current = this.#current;
    if (current !== undefined && current.id !== id) {
      current.superseded.end(new CoordinationError('Aborted', 'there is a newer value'));
    }
    this.#wake();
  }

  #hearRefusal(rejection: ConfigRejection): void {
    this.#refusal = rejection;
    void this.#context.track(this.#refuse(rejection)).catch(() => undefined);
    this.#wake();
  }

  async #refuse({ stateId: id, revision, issues }: ConfigRejection): Promise<void> {
    using scope = new CancelScope(this.#context.store, {}, this.#ended, this.#context.closed);
    const message = issues.map((issue) => issue.message).join('; ');
    await this.#desk.refuse(scope, this.#markOf(id, revision, message));
  }

  async #run(): Promise<void> {
    using scope = new CancelScope(this.#context.store, {}, this.#ended, this.#context.closed);
    try {
      for (let failures = 0; ; ) {
        const target = await this.#target(scope);
        try {
          await this.#settle(scope, target);
          failures = 0;
        } catch (error) {
          scope.check();
          const { revision } = target.accepted;
          const message = error instanceof Error ? error.message : String(error);
          this.#state.next({ kind: 'trouble', revision, message });
          await scope.pause(backoffMs(this.#context.store.random, failures++));
        }
      }
    } finally {
      this.#end();
      this.#state.next({ kind: 'closed' });
      this.#state.complete();
    }
  }

  /** The newest value, once it is another one than what is in effect, and no update is refused. */
  async #target(scope: CancelScope): Promise<Target<T>> {
    for (;;) {
      scope.check();
      const newest = this.#newest;
      const refusal = this.#refusal;
      if (refusal !== undefined) {
        const message = refusal.issues.map((issue) => issue.message).join('; ');
        this.#state.next({ kind: 'failed', revision: refusal.revision, message });
      } else if (newest !== undefined && newest.id !== this.#applied?.id) {
        return newest;
      }
      await scope.race(this.#news());
    }
  }

  /** One step towards having `target` in effect; the loop looks what is next. */
  async #settle(scope: CancelScope, target: Target<T>): Promise<void> {
    const look = await this.#desk.look(scope);
    const { book, revision } = look;
    // Whoever has not heard yet what is in the store must not begin with what was.
    if (look.stateId !== target.id) return this.#awaitNews(scope, target);
    const advice = this.#advise(book, target.id);
    if (advice.kind === 'failed') return this.#awaitClearance(scope, target, revision, advice);
    const isAtOnce = this.#options.first === 'at-once' && this.#applied === undefined;
    if (advice.kind === 'known' || isAtOnce) {
      await this.#attempt(scope, target, book);
      return;
    }
    if (advice.kind === 'stopped') return this.#awaitClearance(scope, target, revision, advice);
    this.#state.next({ kind: 'queued', revision: target.accepted.revision });
    const permit = await this.#gate.acquire({ signal: scope.signal });
    try {
      await this.#useTurn(scope, permit);
    } finally {
      // A permit that was lost cannot be given back, and need not be.
      await permit.release().catch(() => undefined);
    }
  }

  /**
   * Applies the newest value, and what takes its place meanwhile, as long as nothing speaks
   * against.
   */
  async #useTurn(scope: CancelScope, permit: RolloutPermit): Promise<void> {
    for (;;) {
      const target = this.#newest;
      if (target === undefined || target.id === this.#applied?.id) return;
      const { book, stateId: inStore } = await this.#desk.look(scope);
      if (inStore !== target.id || this.#advise(book, target.id).kind !== 'go') return;
      const outcome = await this.#attempt(scope, target, book, permit);
      if (outcome !== 'superseded') return;
    }
  }

  #advise(book: RolloutBook, id: string): Advice {
    const failures = failuresOf(book, id);
    const own = failures.find(({ instance }) => instance === this.instance);
    if (own !== undefined) return { kind: 'failed', own };
    const done = book.get('done')?.get(this.instance);
    if (done !== undefined && decodeMark(done.value).stateId === id) return { kind: 'known' };
    const trying = book.get('trying')?.get(this.instance);
    if (trying !== undefined && decodeMark(trying.value).stateId === id) {
      // Of an earlier process, whose session has not ended yet.
      const { sinceMs } = decodeMark(trying.value);
      const message = 'an earlier process of this name ended while it applied the value';
      return {
        kind: 'failed',
        own: { instance: this.instance, kind: 'crashed', message, sinceMs },
      };
    }
    const { failureBudget = 0 } = this.#options;
    return failures.length > failureBudget ? { kind: 'stopped', failures } : { kind: 'go' };
  }

  async #attempt(
    scope: CancelScope,
    target: Target<T>,
    book: RolloutBook,
    permit?: RolloutPermit,
  ): Promise<'done' | 'failed' | 'superseded' | 'lost'> {
    const { store, sessions } = this.#context;
    const session = await sessions.shared(scope);
    // A session that has just been opened is none that the permit stands on.
    if (permit?.signal.aborted === true) return 'lost';
    const mark = this.#markOf(target.id, target.accepted.revision, '');
    const begun = await this.#desk.begin(scope, session, book, mark);
    if (begun === undefined) {
      await scope.pause(TIMING.retryMs);
      return 'superseded';
    }
    const superseded = new Ending();
    this.#current = { id: target.id, superseded };
    const bounds = permit === undefined ? {} : { signal: permit.signal };
    using inner = new CancelScope(store, bounds, scope.ended, session.ended);
    try {
      await this.#work(inner, target, superseded);
    } catch (error) {
      if (scope.signal.aborted || inner.signal.aborted || superseded.isOver) {
        await this.#desk.end(scope, begun, 'withdrawn', '');
        return superseded.isOver ? 'superseded' : 'lost';
      }
      await this.#fail(scope, target, begun, error);
      return 'failed';
    } finally {
      this.#current = undefined;
    }
    await this.#desk.end(scope, begun, 'done', '');
    this.#applied = target;
    this.#state.next({ kind: 'applied', revision: target.accepted.revision });
    return 'done';
  }

  /** Calls the handler, and waits until the instance has been well for long enough. */
  async #work(inner: CancelScope, { accepted }: Target<T>, superseded: Ending): Promise<void> {
    const { value, revision } = accepted;
    const { apply, healthy, soakMs = 0, healthTimeoutMs = 60_000 } = this.#options;
    inner.check();
    this.#state.next({ kind: 'applying', revision });
    await apply(value, { revision, failures: 0, signal: inner.signal });
    inner.check();
    this.#state.next({ kind: 'soaking', revision });
    const terms: HealthTerms = {
      healthy: healthy === undefined ? undefined : (signal) => healthy(value, signal),
      soakMs,
      timeoutMs: healthTimeoutMs,
      pollMs: this.#options.healthPollMs ?? 1000,
    };
    using scope = new CancelScope(this.#context.store, {}, inner.ended, superseded);
    scope.check();
    await soak(this.#context.store, scope, terms);
  }

  async #fail(
    scope: CancelScope,
    { accepted }: Target<T>,
    begun: BegunAttempt,
    error: unknown,
  ): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    // Noted before anything else: the next must not go while this one mends itself.
    await this.#desk.end(scope, begun, 'failed', message);
    scope.check();
    this.#state.next({ kind: 'failed', revision: accepted.revision, message });
    const before = this.#applied?.accepted;
    if (before === undefined || this.#options.revert === false) return;
    const { value, revision } = before;
    try {
      await this.#options.apply(value, { revision, failures: 0, signal: scope.signal });
    } catch (second) {
      const also = second instanceof Error ? second.message : String(second);
      const both = `${message}; and what it had before could not be applied again: ${also}`;
      this.#state.next({ kind: 'failed', revision: accepted.revision, message: both });
    }
  }

  /** Waits for a newer value, or for somebody who takes notes of failures away. */
  async #awaitClearance(
    scope: CancelScope,
    { accepted, id }: Target<T>,
    noteRevision: number,
    advice: Exclude<Advice, { kind: 'go' | 'known' }>,
  ): Promise<void> {
    const { revision } = accepted;
    if (advice.kind === 'stopped') {
      this.#state.next({ kind: 'stopped', revision, failures: advice.failures });
    } else if (this.#state.value.kind !== 'failed') {
      this.#state.next({ kind: 'failed', revision, message: advice.own.message });
    }
    using inner = new CancelScope(this.#context.store, {}, scope.ended);
    void this.#news().then(() => inner.abort(new CoordinationError('Aborted', 'there is news')));
    if (this.#newest?.id !== id) return;
    const watches = (['failed', 'refused', 'trying'] as const).map((kind) => {
      const keys = prefix(this.#desk.keys.prefixOf(kind));
      return { ...keys, startRevision: noteRevision + 1, noPut: true };
    });
    const pollMs = this.#context.safetyPollMs(TIMING.sessionTtlSeconds * 1000);
    try {
      await awaitChange(this.#context.store, inner, watches, pollMs);
    } catch (error) {
      scope.check();
      if (!inner.signal.aborted) throw error;
    }
  }

  /** Waits for a newer value than `target`, but not for long. */
  async #awaitNews(scope: CancelScope, target: Target<T>): Promise<void> {
    using inner = new CancelScope(this.#context.store, {}, scope.ended);
    void this.#news().then(() => inner.abort(new CoordinationError('Aborted', 'there is news')));
    if (this.#newest?.id !== target.id) return;
    await inner.pause(TIMING.retryMaxMs).catch(() => scope.check());
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #markOf(id: string, revision: number, message: string): RolloutMark {
    const { clock, random } = this.#context.store;
    return { stateId: id, revision, message, sinceMs: clock.wall(), attempt: random.hex(8) };
  }
}
