import type { Clock, Timer } from '../ports/clock.js';
import type { Trace } from '../ports/trace.js';
import { isStoreError, type Store } from '../store/index.js';
import type { AutoCompactionConfig } from './config/auto-compaction-config.js';

const HOUR_MS = 3_600_000;
const REVISION_CHECK_MS = 300_000;
/** In periodic mode, how many looks there are in a period of up to an hour. */
const LOOKS_PER_PERIOD = 10;

export interface AutoCompactionParts {
  readonly store: Pick<Store, 'compact'>;
  readonly revision: () => number;
  /** Only the leader compacts; the others follow through the log. */
  readonly leads: () => boolean;
  readonly clock: Clock;
  readonly trace: Trace;
}

/**
 * Compacts history by itself: either what is older than a period or what is more than so many
 * revisions back. Looks from time to time, compacts at most one thing at a time, and never throws:
 * what fails now is tried again at the next look.
 */
export class AutoCompaction {
  readonly #config: AutoCompactionConfig;
  readonly #parts: AutoCompactionParts;
  /** Revisions seen at each look, the oldest a period ago. */
  readonly #seen: number[] = [];
  #timer: Timer | undefined;
  #stopped = false;
  #lastRevision = 0;
  #lastDoneAt: number;
  #doneOnce = false;

  constructor(config: AutoCompactionConfig, parts: AutoCompactionParts) {
    this.#config = config;
    this.#parts = parts;
    this.#lastDoneAt = parts.clock.monotonic();
    this.#remember();
    this.#wait();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #wait(): void {
    const delayMs = this.#lookMs();
    if (delayMs === undefined || this.#stopped) return;
    this.#timer = this.#parts.clock.timer(delayMs, () => {
      void this.#look().then(() => this.#wait());
    });
  }

  #lookMs(): number | undefined {
    if (this.#config.mode === 'off') return undefined;
    if (this.#config.mode === 'revision') return REVISION_CHECK_MS;
    return Math.min(this.#config.periodMs, HOUR_MS) / LOOKS_PER_PERIOD;
  }

  async #look(): Promise<void> {
    const target = this.#target();
    this.#remember();
    if (target === undefined || !this.#parts.leads()) return;
    try {
      await this.#parts.store.compact({ revision: target });
      this.#parts.trace.event('info', 'autoCompacted', { revision: target });
    } catch (error) {
      if (!isStoreError(error, 'Compacted')) {
        this.#parts.trace.event('warn', 'autoCompactionFailed', { error: String(error) });
        return;
      }
    }
    this.#lastRevision = target;
    this.#lastDoneAt = this.#parts.clock.monotonic();
    this.#doneOnce = true;
  }

  /** The revision to compact to now, if it is time and there is anything to gain. */
  #target(): number | undefined {
    const config = this.#config;
    if (config.mode === 'off') return undefined;
    if (config.mode === 'revision') {
      const revision = this.#parts.revision() - config.keptRevisions;
      return revision > 0 && revision !== this.#lastRevision ? revision : undefined;
    }
    // The first time there is a whole period to wait for; later on an hour is enough.
    const pauseMs = this.#doneOnce ? Math.min(config.periodMs, HOUR_MS) : config.periodMs;
    if (this.#parts.clock.monotonic() - this.#lastDoneAt < pauseMs) return undefined;
    const revision = this.#seen[0];
    return revision === undefined || revision === this.#lastRevision ? undefined : revision;
  }

  #remember(): void {
    if (this.#config.mode !== 'periodic') return;
    const lookMs = this.#lookMs() ?? HOUR_MS;
    this.#seen.push(this.#parts.revision());
    if (this.#seen.length > Math.floor(this.#config.periodMs / lookMs) + 1) this.#seen.shift();
  }
}
