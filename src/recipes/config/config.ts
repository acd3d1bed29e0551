import type { Compare } from '../../store/index.js';
import type { WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import type { Guarded } from '../base/guarded.js';
import type { RecipeView } from '../base/recipe-view.js';
import { guardOf } from './config-guard.js';
import { ConfigReporter } from './config-reporter.js';
import { type ConfigReports, reportKey, reportsView } from './config-reports.js';
import { prefixSource } from './config-source.js';
import { configView } from './config-view.js';
import { LiveConfig } from './live-config.js';
import type { LiveConfigOptions } from './live-config-options.js';
import { Rollout } from './rollout.js';
import type { RolloutGate, RolloutOptions } from './rollout-options.js';
import { clearFailures, type RolloutStatus, rolloutView } from './rollout-status.js';
import type { StandardSchema } from './standard-schema.js';

/** How the configuration under a prefix is read, and who may know of it. */
export interface ConfigOptions<T> extends LiveConfigOptions<T> {
  /**
   * The name under which this instance reports, at each change and as long as its session lives,
   * what it runs and what it refuses; others read it in `reports$`. Default: no report. One key is
   * written at each change; two instances of one name overwrite each other.
   */
  readonly reportAs?: string;
}

/**
 * A prefix of keys as one typed value that is always valid: what the schema refuses is reported and
 * otherwise ignored, the last good value stays. A value comes from one revision, so keys that were
 * written together are seen together. It is never emptied by a lost connection or by reading anew.
 *
 * @example
 * const Settings = z.object({ port: z.number(), db: z.object({ url: z.string() }) });
 * const config = coord.config('app/', Settings);
 * const first = await config.ready();
 * config.value$.subscribe((value) => server.reconfigure(value));
 * config.rejected$.subscribe(({ revision, issues }) => log.warn({ revision, issues }));
 */
export class Config<T> extends LiveConfig<T> implements Guarded {
  readonly prefix: string;
  readonly #context: RecipeContext;
  readonly #schema: StandardSchema<T>;
  readonly #options: ConfigOptions<T>;
  #view: RecipeView<T | undefined> | undefined;
  #rollout: RecipeView<RolloutStatus> | undefined;
  #reports: RecipeView<ConfigReports> | undefined;

  constructor(
    context: RecipeContext,
    prefixText: string,
    schema: StandardSchema<T>,
    options: ConfigOptions<T>,
  ) {
    const { reportAs } = options;
    const ownReport = reportAs === undefined ? undefined : reportKey(prefixText, reportAs);
    super(context, prefixSource(context.store, prefixText), schema, options);
    this.prefix = prefixText;
    this.#context = context;
    this.#schema = schema;
    this.#options = options;
    if (ownReport === undefined) return;
    new ConfigReporter(context, ownReport).follow(this.accepted$, this.rejected$);
  }

  /**
   * The configuration as it is at each revision, to be combined with other views at one revision.
   * It is undefined at a revision that the schema refuses, whatever was valid before, and the
   * default while the prefix is empty. It errors with `InvalidArgument` when schema or check are
   * asynchronous.
   */
  get at$(): RecipeView<T | undefined> {
    this.#view ??= configView(this.#context, {
      prefixes: [this.prefix],
      toRaw: prefixSource(this.#context.store, this.prefix).toRaw,
      schema: this.#schema,
      options: this.#options,
    });
    return this.#view;
  }

  /**
   * What the instances that were given `reportAs` run, and what they refuse, at one revision. An
   * instance whose session ended is not among them.
   */
  get reports$(): RecipeView<ConfigReports> {
    this.#reports ??= reportsView(this.#context, this.prefix);
    return this.#reports;
  }

  /**
   * Has this instance apply what is rolled out when the gate lets it: as many instances at a time
   * as the semaphore admits, each healthy before the next, none any more once too many have failed.
   * A newer value takes the place of the one that is being rolled out.
   *
   * @throws CoordinationError `InvalidArgument` when the instance has no name
   *
   * @example
   * const rollout = config.applyWith(coord.semaphore('billing-rollout', { initialLimit: 2 }), {
   *   apply: (settings) => server.reconfigure(settings),
   *   healthy: () => server.errorRate() < 0.01,
   *   soakMs: 30_000,
   *   failureBudget: 1,
   * });
   * rollout.state$.subscribe((state) => log.info(state));
   */
  applyWith(gate: RolloutGate, options: RolloutOptions<T>): Rollout<T> {
    return new Rollout(this.#context, this, gate, options);
  }

  /** How far the configuration in the store has been rolled out, at one revision. */
  get rollout$(): RecipeView<RolloutStatus> {
    this.#rollout ??= rolloutView(this.#context, this.prefix);
    return this.#rollout;
  }

  /**
   * Forgets the failures of a rollout, so that it goes on, and those who failed try again. Answers
   * how many there were.
   * @throws CoordinationError `Aborted`, `Timeout`
   */
  clearRollout(options: WaitOptions = {}): Promise<number> {
    return clearFailures(this.#context, this.prefix, options);
  }

  /**
   * Conditions that hold while the keys under the prefix are exactly those of the value in force;
   * for the default, while there is none. It does not hold after an update that was refused.
   * @throws CoordinationError `NoValue` before there is a value; `Unavailable` while it is from the
   * cache; `InvalidArgument` with more than 100 keys, which no transaction could compare
   */
  guard(): readonly Compare[] {
    return guardOf(this.prefix, [this.prefix], this.accepted, this.seen);
  }
}
