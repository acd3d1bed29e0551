import {
  BehaviorSubject,
  distinctUntilChanged,
  filter,
  map,
  type Observable,
  Subject,
  type Subscription,
} from 'rxjs';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import { decodeTree, type RawConfig } from './config-decode.js';
import type { RecipeContext } from '../base/context.js';
import { CoordinationError } from '../errors.js';
import { type PrefixSnapshot, sameEntries, viewPrefix } from '../base/prefix-view.js';
import type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.js';

/** How a configuration is read. */
export interface ConfigOptions<T> {
  /**
   * The value until the store has a valid one; also while the prefix is empty and never was not.
   */
  readonly default?: T;
  /** Makes of keys and values what the schema is given; default: {@link decodeTree}. */
  readonly decode?: (raw: RawConfig) => unknown;
  /** What is wrong with a value that the schema let pass, such as two settings that contradict. */
  readonly check?: (value: T) => readonly string[] | Promise<readonly string[]>;
}

/** What is known of the prefix: nothing yet; no key and never one; keys; no key any more. */
export type ConfigContent = 'unknown' | 'empty' | 'present' | 'deleted';

/**
 * Where the value comes from, and how fresh it is.
 *
 * - `starting`: no value yet.
 * - `default`: the default, because nothing valid was read so far.
 * - `live`: the last valid value, and the store is being followed.
 * - `stale`: the last valid value, or none, and since `sinceMs` (wall clock) the store is out of
 *   reach.
 */
export type ConfigStatus = { readonly content: ConfigContent } & (
  | { readonly kind: 'starting' | 'default' | 'live' }
  | { readonly kind: 'stale'; readonly sinceMs: number; readonly reason: string }
);

/** An update that was refused as a whole; the value stayed as it was. */
export interface ConfigRejection {
  readonly revision: number;
  readonly issues: readonly StandardIssue[];
  /** The keys and values that were refused. */
  readonly raw: RawConfig;
}

interface Accepted<T> {
  readonly value: T;
  readonly revision: number;
}

/**
 * A prefix of keys as one typed value that is always valid: what the schema refuses is reported and
 * otherwise ignored, the last good value stays. A value comes from one revision, so keys that were
 * written together are seen together. It is never emptied by a lost connection or by reading anew.
 *
 * @example const config = coord.config('app/', z.object({ port: z.number(), db: z.object({ url:
 * z.string() }) })); const first = await config.ready(); config.value$.subscribe((value) =>
 * server.reconfigure(value)); config.rejected$.subscribe(({ revision, issues }) => log.warn({
 * revision, issues }));
 */
export class Config<T> implements AsyncDisposable {
  readonly prefix: string;
  readonly #context: RecipeContext;
  readonly #schema: StandardSchema<T>;
  readonly #options: ConfigOptions<T>;
  readonly #accepted: BehaviorSubject<Accepted<T> | undefined>;
  readonly #status: BehaviorSubject<ConfigStatus>;
  readonly #rejected = new Subject<ConfigRejection>();
  readonly #subscription: Subscription;
  readonly #unfollow: () => void;
  #content: ConfigContent = 'unknown';
  /**
   * The newest snapshot that waits for the validation of an older one; those between are skipped.
   */
  #next: PrefixSnapshot | undefined;
  /** The newest snapshot of all, judged or not. */
  #seen: PrefixSnapshot | undefined;
  #isValidating = false;
  #isClosed = false;

  constructor(
    context: RecipeContext,
    prefixText: string,
    schema: StandardSchema<T>,
    options: ConfigOptions<T>,
  ) {
    this.#context = context;
    this.prefix = prefixText;
    this.#schema = schema;
    this.#options = options;
    const hasDefault = 'default' in options;
    const initial = hasDefault ? { value: options.default as T, revision: 0 } : undefined;
    this.#accepted = new BehaviorSubject<Accepted<T> | undefined>(initial);
    this.#status = new BehaviorSubject<ConfigStatus>(this.#statusNow());
    this.#subscription = viewPrefix(context.store, prefixText).subscribe({
      next: (event) => {
        if (event.kind === 'snapshot') this.#take(event.snapshot);
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
      `configuration "${this.prefix}" has no valid value yet (status ${kind}, content ${content})`,
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

  /** The revision that the value is of; 0 for the default, and before there is a value. */
  get revision(): number {
    return this.#accepted.value?.revision ?? 0;
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

  /**
   * The value, as soon as the store has been asked and there is a valid one.
   * @throws CoordinationError `Aborted`, `Timeout`
   */
  async ready(options: WaitOptions = {}): Promise<T> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    let subscription: Subscription | undefined;
    const settled = new Promise<void>((resolve) => {
      subscription = this.#status.subscribe(({ kind, content }) => {
        const asked = kind === 'live' || (kind === 'default' && content !== 'unknown');
        if (asked && this.#accepted.value !== undefined) resolve();
      });
    });
    try {
      await scope.race(settled);
      return this.value;
    } finally {
      subscription?.unsubscribe();
    }
  }

  /** Stops following the store and completes the streams; the value stays readable. */
  async close(): Promise<void> {
    this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#subscription.unsubscribe();
    this.#unfollow();
    this.#accepted.complete();
    this.#status.complete();
    this.#rejected.complete();
  }

  #take(snapshot: PrefixSnapshot): void {
    const had = this.#content === 'present' || this.#content === 'deleted';
    if (snapshot.entries.size > 0) this.#content = 'present';
    else this.#content = had ? 'deleted' : 'empty';
    if (this.#seen !== undefined && sameEntries(this.#seen, snapshot)) {
      // Nothing to judge, but a doubt about freshness is over.
      if (!this.#isValidating) this.#settle();
      return;
    }
    this.#seen = snapshot;
    this.#next = snapshot;
    if (!this.#isValidating) this.#validateAll();
  }

  /** Judges snapshots one at a time; an asynchronous verdict holds up those that follow. */
  #validateAll(): void {
    for (;;) {
      const snapshot = this.#next;
      this.#next = undefined;
      if (snapshot === undefined || this.#isClosed) return;
      const verdict = this.#judge(snapshot);
      if (verdict instanceof Promise) {
        this.#isValidating = true;
        void verdict.then((late) => {
          this.#isValidating = false;
          this.#conclude(snapshot, late);
          this.#validateAll();
        });
        return;
      }
      this.#conclude(snapshot, verdict);
    }
  }

  /** The verdict on a snapshot, at once when schema and check are synchronous. Never throws. */
  #judge(snapshot: PrefixSnapshot): Verdict<T> | Promise<Verdict<T>> {
    // An empty prefix that never had a key is no configuration, so the default stands unjudged.
    if (this.#content === 'empty' && 'default' in this.#options) return { kind: 'keep' };
    try {
      const decode = this.#options.decode ?? decodeTree;
      const result = this.#schema['~standard'].validate(decode(rawOf(snapshot)));
      if (!(result instanceof Promise)) return this.#check(result);
      return result.then((late) => this.#check(late)).catch(refuse);
    } catch (error) {
      return refuse(error);
    }
  }

  #check(result: StandardResult<T>): Verdict<T> | Promise<Verdict<T>> {
    if (result.issues !== undefined) return { kind: 'refuse', issues: result.issues };
    const { value } = result;
    const complaints = this.#options.check?.(value) ?? [];
    const conclude = (messages: readonly string[]): Verdict<T> =>
      messages.length === 0
        ? { kind: 'accept', value }
        : { kind: 'refuse', issues: messages.map((message) => ({ message })) };
    if (!(complaints instanceof Promise)) return conclude(complaints);
    return complaints.then(conclude).catch(refuse);
  }

  #conclude(snapshot: PrefixSnapshot, verdict: Verdict<T>): void {
    if (this.#isClosed) return;
    const { revision } = snapshot;
    if (verdict.kind === 'accept') this.#accepted.next({ value: verdict.value, revision });
    this.#settle();
    if (verdict.kind === 'refuse') {
      this.#rejected.next({ revision, issues: verdict.issues, raw: rawOf(snapshot) });
    }
  }

  /** The store has been heard. */
  #settle(): void {
    this.#setStatus(this.#statusNow());
  }

  #statusNow(): ConfigStatus {
    const content = this.#content;
    const accepted = this.#accepted.value;
    if (accepted === undefined) return { kind: 'starting', content };
    return { kind: accepted.revision === 0 ? 'default' : 'live', content };
  }

  #becomeStale(reason: string): void {
    if (this.#status.value.kind === 'stale') return;
    const sinceMs = this.#context.store.clock.wall();
    this.#setStatus({ kind: 'stale', content: this.#content, sinceMs, reason });
  }

  #setStatus(status: ConfigStatus): void {
    const last = this.#status.value;
    if (last.kind === status.kind && last.content === status.content) return;
    this.#status.next(status);
  }
}

type Verdict<T> =
  | { readonly kind: 'accept'; readonly value: T }
  | { readonly kind: 'refuse'; readonly issues: readonly StandardIssue[] }
  | { readonly kind: 'keep' };

/** What throws while it judges, refuses. */
function refuse(error: unknown): { readonly kind: 'refuse'; readonly issues: StandardIssue[] } {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'refuse', issues: [{ message }] };
}

function rawOf({ entries }: PrefixSnapshot): RawConfig {
  return new Map([...entries].map(([name, kv]) => [name, kv.value]));
}
