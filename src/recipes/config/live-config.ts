import {
  BehaviorSubject,
  combineLatest,
  distinctUntilChanged,
  filter,
  map,
  type Observable,
  ReplaySubject,
  Subject,
  type Subscription,
} from 'rxjs';
import type { Clock } from '../../ports/clock.js';
import { CancelScope } from '../base/cancel-scope.js';
import { closedError, type RecipeContext } from '../base/context.js';
import { Ending } from '../base/ending.js';
import { CoordinationError } from '../errors.js';
import { type CacheTrouble, ConfigCache } from './config-cache.js';
import { type ApplyOptions, ConfigConsumer, type ConfigHandler } from './config-consumer.js';
import type { Accepted } from './config-accepted.js';
import { judge, type Verdict } from './config-judge.js';
import {
  type ConfigSource,
  type ConfigState,
  isEmptyState,
  sameRaw,
  sameState,
  stateId,
} from './config-source.js';
import type { ConfigContent, ConfigRejection, ConfigStatus } from './config-status.js';
import type { LiveConfigOptions, ReadyOptions } from './live-config-options.js';
import { QuietGate } from './quiet-gate.js';
import type { StandardSchema } from './standard-schema.js';

/** A state that waits for its verdict. */
interface Candidate {
  readonly state: ConfigState;
  /** Set for what comes from the cache. */
  readonly savedMs?: number;
}

const CACHED_AFTER_MS = 2000;

/**
 * The engine of every configuration: takes the states of a source, has them judged one at a time,
 * and keeps the last good value in force. It never empties a value because something is being read
 * anew, and lets the store win over the cache whatever their revisions.
 *
 * @example
 * const watch = (config: LiveConfig<Settings>) =>
 *   config.status$.subscribe((status) => log.info(status));
 * watch(coord.config('app/', Settings));
 */
export class LiveConfig<T> implements AsyncDisposable {
  readonly #context: RecipeContext;
  readonly #source: ConfigSource;
  readonly #schema: StandardSchema<T>;
  readonly #options: LiveConfigOptions<T>;
  readonly #accepted: BehaviorSubject<Accepted<T> | undefined>;
  readonly #status: BehaviorSubject<ConfigStatus>;
  readonly #rejected = new Subject<ConfigRejection>();
  readonly #trouble = new ReplaySubject<CacheTrouble>(1);
  readonly #cache: ConfigCache | undefined;
  readonly #gate: QuietGate<ConfigState>;
  readonly #subscription: Subscription;
  readonly #unfollow: () => void;
  #content: ConfigContent = 'unknown';
  /** The newest state that waits for the verdict on an older one; those between are skipped. */
  #next: Candidate | undefined;
  /** The newest state of the store, judged or not. */
  #seen: ConfigState | undefined;
  #isJudging = false;
  #rejection: ConfigRejection | undefined;
  readonly #ended = new Ending();

  constructor(
    context: RecipeContext,
    source: ConfigSource,
    schema: StandardSchema<T>,
    options: LiveConfigOptions<T>,
  ) {
    this.#context = context;
    this.#source = source;
    this.#schema = schema;
    this.#options = options;
    this.#accepted = new BehaviorSubject<Accepted<T> | undefined>(defaultOf(options));
    this.#status = new BehaviorSubject<ConfigStatus>(this.#statusNow());
    this.#gate = new QuietGate(context.store.clock, options, (state) => this.#submit({ state }));
    this.#cache = this.#openCache();
    this.#subscription = source.events$.subscribe({
      next: (event) => {
        if (event.kind === 'state') this.#take(event.state);
        else this.#becomeStale(event.reason);
      },
      error: (error: unknown) => this.#becomeStale(String(error)),
    });
    this.#unfollow = context.closed.follow(() => this.#end());
  }

  /**
   * The last valid value.
   * @throws CoordinationError `NoValue` when there was none and no default was given
   */
  get value(): T {
    const accepted = this.#accepted.value;
    if (accepted !== undefined) return accepted.value;
    const { kind, content } = this.#status.value;
    throw new CoordinationError(
      'NoValue',
      `configuration "${this.#source.name}" has no valid value yet (status ${kind}, content ${content})`,
    );
  }

  /** Valid values only; replays the last one, and the default counts. */
  get value$(): Observable<T> {
    return this.#accepted.pipe(
      filter((accepted) => accepted !== undefined),
      map((accepted) => accepted.value),
      distinctUntilChanged(),
    );
  }

  /** The value in force with its origin; undefined before there is one. Replays the last. */
  get accepted$(): Observable<Accepted<T> | undefined> {
    return this.#accepted.asObservable();
  }

  get accepted(): Accepted<T> | undefined {
    return this.#accepted.value;
  }

  /** The revision that the value is of; 0 for the default, and before there is a value. */
  get revision(): number {
    return this.#accepted.value?.revision ?? 0;
  }

  /**
   * A name for the keys that the value was made of, the same in every process whose value was made
   * of the same; empty for the default. Unlike `revision` it does not depend on when they were
   * read.
   */
  get stateId(): string {
    const state = this.#accepted.value?.state;
    return state === undefined ? '' : stateId(state);
  }

  get status(): ConfigStatus {
    return this.#status.value;
  }

  /** Replays the last status. */
  get status$(): Observable<ConfigStatus> {
    return this.#status.asObservable();
  }

  /** Updates that were refused, from the time of subscription on. */
  get rejected$(): Observable<ConfigRejection> {
    return this.#rejected.asObservable();
  }

  /** The newest update, if it was refused. */
  get rejection(): ConfigRejection | undefined {
    return this.#rejection;
  }

  /** Why the cache was not used or not written; replays the last trouble. */
  get cacheTrouble$(): Observable<CacheTrouble> {
    return this.#trouble.asObservable();
  }

  /**
   * The value, as soon as the store has been asked and there is a valid one; with a cache, what was
   * cached will do when the store does not answer for a while.
   * @throws CoordinationError `Aborted`, `Timeout`
   */
  async ready(options: ReadyOptions = {}): Promise<T> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    let subscription: Subscription | undefined;
    let isPatient = true;
    let look = (): void => undefined;
    const settled = new Promise<void>((resolve) => {
      look = (): void => {
        const { kind, content } = this.#status.value;
        const asked = kind === 'live' || (content !== 'unknown' && kind !== 'stale');
        const enough = asked || (kind === 'cached' && !isPatient);
        if (enough && this.#accepted.value !== undefined) resolve();
      };
      subscription = this.#status.subscribe(look);
    });
    const timer = this.#context.store.clock.timer(options.cachedAfterMs ?? CACHED_AFTER_MS, () => {
      isPatient = false;
      look();
    });
    try {
      await scope.race(settled);
      return this.value;
    } finally {
      timer.cancel();
      subscription?.unsubscribe();
    }
  }

  /**
   * Has a handler called with the value in force and with each later one, one call at a time. What
   * it throws is tried again, with growing pauses and the newest value, so that no value counts as
   * handled that was not; values in between may be left out.
   *
   * @example
   * const consumer = config.apply(async (settings, { signal }) => pool.resize(settings, signal));
   * consumer.status$.subscribe((status) => log.info(status));
   */
  apply(handler: ConfigHandler<T>, options: ApplyOptions = {}): ConfigConsumer<T> {
    const source$ = options.confirmed === true ? this.confirmed$ : this.#accepted;
    return new ConfigConsumer(this.#context, source$, this.#ended, handler, options);
  }

  /** As `accepted$`, without what the store has not given or confirmed. */
  get confirmed$(): Observable<Accepted<T> | undefined> {
    return combineLatest([this.#accepted, this.#status]).pipe(
      map(([accepted, { content }]) => {
        const isConfirmed =
          accepted?.origin === 'store' || (accepted?.origin === 'default' && content !== 'unknown');
        return isConfirmed ? accepted : undefined;
      }),
      distinctUntilChanged(),
    );
  }

  /** What the store was heard to have last, whether or not that is a value. */
  protected get seen(): ConfigState | undefined {
    return this.#seen;
  }

  /** The time by which this configuration lives. */
  get clock(): Clock {
    return this.#context.store.clock;
  }

  /** Stops following the store and completes the streams; the value stays readable. */
  async close(): Promise<void> {
    this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(): void {
    if (this.#ended.isOver) return;
    this.#ended.end(closedError());
    this.#subscription.unsubscribe();
    this.#unfollow();
    this.#gate.close();
    this.#cache?.close();
    this.#accepted.complete();
    this.#status.complete();
    this.#rejected.complete();
    this.#trouble.complete();
  }

  #openCache(): ConfigCache | undefined {
    const { cache: options } = this.#options;
    if (options === undefined) return undefined;
    const report = (trouble: CacheTrouble): void => this.#trouble.next(trouble);
    const cache = new ConfigCache(this.#context, options, this.#source.name, report);
    void cache.load().then((record) => {
      // What the store has said in the meantime is newer than anything that was cached.
      if (record === undefined || this.#seen !== undefined) return;
      this.#submit({ state: record.state, savedMs: record.savedMs });
    });
    return cache;
  }

  #take(state: ConfigState): void {
    const had =
      this.#content === 'present' ||
      this.#content === 'deleted' ||
      this.#accepted.value?.origin === 'cache';
    if (!isEmptyState(state)) this.#content = 'present';
    else this.#content = had ? 'deleted' : 'empty';
    const isKnown = this.#seen !== undefined && sameState(this.#seen, state);
    this.#seen = state;
    if (!isKnown) this.#gate.offer(state);
    // Nothing to judge, but a doubt about freshness is over.
    else if (!this.#isJudging) this.#settle();
  }

  #submit(candidate: Candidate): void {
    this.#next = candidate;
    if (!this.#isJudging) this.#judgeAll();
  }

  /** Judges states one at a time; an asynchronous verdict holds up those that follow. */
  #judgeAll(): void {
    for (;;) {
      const candidate = this.#next;
      this.#next = undefined;
      if (candidate === undefined || this.#ended.isOver) return;
      const verdict = this.#judge(candidate);
      if (verdict instanceof Promise) {
        this.#isJudging = true;
        void verdict.then((late) => {
          this.#isJudging = false;
          this.#conclude(candidate, late);
          this.#judgeAll();
        });
        return;
      }
      this.#conclude(candidate, verdict);
    }
  }

  /** Undefined when there is nothing to judge. */
  #judge({ state, savedMs }: Candidate): Verdict<T> | Promise<Verdict<T>> | undefined {
    // An empty prefix that never had a key is no configuration, so the default stands unjudged.
    const isUnset = savedMs === undefined && this.#content === 'empty';
    if (isUnset && 'default' in this.#options) return undefined;
    const raw = this.#source.toRaw(state);
    const inForce = this.#accepted.value;
    if (inForce?.origin === 'cache' && inForce.state !== undefined) {
      // The store has what was cached: no news for those who use the value.
      const isSame = sameRaw(raw, this.#source.toRaw(inForce.state));
      if (isSame) return { kind: 'accept', value: inForce.value };
    }
    return judge(raw, this.#schema, this.#options);
  }

  #conclude({ state, savedMs }: Candidate, verdict: Verdict<T> | undefined): void {
    if (this.#ended.isOver) return;
    if (savedMs !== undefined) this.#concludeCached(state, savedMs, verdict);
    else this.#concludeRead(state, verdict);
  }

  #concludeCached(state: ConfigState, savedMs: number, verdict: Verdict<T> | undefined): void {
    if (verdict?.kind === 'accept') {
      if (this.#seen !== undefined) return;
      const { value } = verdict;
      this.#accepted.next({ value, revision: state.revision, origin: 'cache', state, savedMs });
      this.#settle();
      return;
    }
    const issues = verdict?.issues.map(({ message }) => message).join('; ') ?? '';
    this.#trouble.next({ kind: 'refused', message: `the cache is refused: ${issues}` });
  }

  #concludeRead(state: ConfigState, verdict: Verdict<T> | undefined): void {
    const { revision } = state;
    if (verdict?.kind === 'accept') {
      this.#rejection = undefined;
      this.#accepted.next({ value: verdict.value, revision, origin: 'store', state });
      this.#cache?.keep(state, () => this.#status.value.kind === 'live');
    }
    this.#settle();
    if (verdict?.kind === 'refuse') {
      const raw = this.#source.toRaw(state);
      const rejection = { revision, stateId: stateId(state), issues: verdict.issues, raw };
      this.#rejection = rejection;
      this.#rejected.next(rejection);
    }
  }

  /** The store or the cache has been heard. */
  #settle(): void {
    this.#setStatus(this.#statusNow());
  }

  #statusNow(): ConfigStatus {
    const content = this.#content;
    const accepted = this.#accepted.value;
    if (accepted === undefined) return { kind: 'starting', content };
    if (accepted.origin === 'cache') {
      return { kind: 'cached', content, savedMs: accepted.savedMs ?? 0 };
    }
    return { kind: accepted.origin === 'default' ? 'default' : 'live', content };
  }

  #becomeStale(reason: string): void {
    const { kind } = this.#status.value;
    // A cached value says already that the store has not been heard.
    if (kind === 'stale' || kind === 'cached') return;
    const sinceMs = this.#context.store.clock.wall();
    this.#setStatus({ kind: 'stale', content: this.#content, sinceMs, reason });
  }

  #setStatus(status: ConfigStatus): void {
    const last = this.#status.value;
    if (last.kind === status.kind && last.content === status.content) return;
    this.#status.next(status);
  }
}

function defaultOf<T>(options: LiveConfigOptions<T>): Accepted<T> | undefined {
  if (!('default' in options)) return undefined;
  return { value: options.default as T, revision: 0, origin: 'default', state: undefined };
}
