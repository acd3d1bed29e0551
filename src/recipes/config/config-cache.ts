import type { Cipher } from '../../ports/cipher.js';
import type { Timer } from '../../ports/clock.js';
import type { SavedBytes } from '../../ports/saved-bytes.js';
import type { RecipeContext } from '../base/context.js';
import { TIMING } from '../base/timing.js';
import { type CacheRecord, decodeCache, encodeCache } from './cache-codec.js';
import type { ConfigState } from './config-source.js';
import { matchesAny } from './matches-any.js';

/** How the last good configuration is kept for a start without the store. */
export interface ConfigCacheOptions {
  /** Where it is kept, such as `savedFile(path)` of the package's first door. */
  readonly saved: SavedBytes;
  /**
   * Use nothing that was last known to be true longer ago than this, in milliseconds of the wall
   * clock; default: any age. What is in force is saved again now and then, so that its age is that
   * of the last contact with the store and not of the last change.
   */
  readonly maxAgeMs?: number;
  /**
   * Keys that are never cached, as patterns for the key after the prefix: `*` stands for anything
   * within a segment, `**` for anything. A schema that demands one of them refuses the cache.
   */
  readonly secrets?: readonly string[];
  /** Cache what `secrets` names as well; with a cipher, or where the place is as safe as needed. */
  readonly cacheSecrets?: boolean;
  /** What the bytes are sealed with, such as `aesGcmCipher(key)` of the package's first door. */
  readonly cipher?: Cipher;
  /**
   * A name for the schema, version included. What was cached under another is not used. Whatever
   * the name, the schema judges what was cached like any other update.
   */
  readonly schemaName?: string;
}

/** Why the cache was not used, or not written. */
export interface CacheTrouble {
  /**
   * - `missing`: there is none yet.
   * - `unreadable`: it cannot be read, or not be opened with this cipher.
   * - `damaged`: its content is not what was written.
   * - `expired`: older than `maxAgeMs`.
   * - `other`: of another prefix, or of a schema with another name.
   * - `refused`: the schema does not accept it, perhaps because secrets are left out.
   * - `unwritable`: saving failed; it is tried again.
   */
  readonly kind:
    | 'missing'
    | 'unreadable'
    | 'damaged'
    | 'expired'
    | 'other'
    | 'refused'
    | 'unwritable';
  readonly message: string;
}

/** Of `maxAgeMs`: what is in force is saved again after so long. */
const REFRESH_FRACTION = 1 / 4;

/**
 * The cache of one configuration. It loads once, saves what it is given, newest first and one at a
 * time, and reports every trouble without ever failing: a cache must not stop what works without
 * it.
 */
export class ConfigCache {
  readonly #context: RecipeContext;
  readonly #options: ConfigCacheOptions;
  readonly #name: string;
  readonly #report: (trouble: CacheTrouble) => void;
  #state: ConfigState | undefined;
  #isSaving = false;
  #mustSave = false;
  /** Wall-clock milliseconds at which the state was last known to be that of the store. */
  #knownMs = 0;
  #retryTimer: Timer | undefined;
  #refreshTimer: Timer | undefined;
  #isClosed = false;

  constructor(
    context: RecipeContext,
    options: ConfigCacheOptions,
    name: string,
    report: (trouble: CacheTrouble) => void,
  ) {
    this.#context = context;
    this.#options = options;
    this.#name = name;
    this.#report = report;
  }

  /** What was cached, if it may be used. */
  async load(): Promise<CacheRecord | undefined> {
    const { saved, cipher } = this.#options;
    let bytes: Uint8Array | undefined;
    try {
      const found = await saved.load();
      bytes = found === undefined || cipher === undefined ? found : await cipher.open(found);
    } catch (error) {
      return this.#refuse('unreadable', `the cache cannot be read: ${messageOf(error)}`);
    }
    if (bytes === undefined) return this.#refuse('missing', 'nothing was cached yet');
    let record: CacheRecord;
    try {
      record = decodeCache(bytes);
    } catch (error) {
      return this.#refuse('damaged', `the cache ${messageOf(error)}`);
    }
    return this.#admit(record);
  }

  /** Keeps a state that is in force; `isFresh` says later whether it still is known to be. */
  keep(state: ConfigState, isFresh: () => boolean): void {
    this.#state = state;
    this.#knownMs = this.#context.store.clock.wall();
    this.#want();
    const { maxAgeMs } = this.#options;
    if (maxAgeMs === undefined || this.#isClosed) return;
    const { clock } = this.#context.store;
    const refresh = (): void => {
      this.#refreshTimer = clock.timer(maxAgeMs * REFRESH_FRACTION, refresh);
      if (!isFresh()) return;
      this.#knownMs = clock.wall();
      this.#want();
    };
    this.#refreshTimer?.cancel();
    this.#refreshTimer = clock.timer(maxAgeMs * REFRESH_FRACTION, refresh);
  }

  /** What waits to be saved still is, once; then nothing is begun any more. */
  close(): void {
    this.#isClosed = true;
    this.#retryTimer?.cancel();
    this.#refreshTimer?.cancel();
  }

  #admit(record: CacheRecord): CacheRecord | undefined {
    const { maxAgeMs, schemaName = '' } = this.#options;
    if (record.name !== this.#name) {
      const message = `the cache is of "${record.name}" and not of "${this.#name}"`;
      return this.#refuse('other', message);
    }
    if (record.schemaName !== schemaName) {
      const message = `the cache is of schema "${record.schemaName}" and not of "${schemaName}"`;
      return this.#refuse('other', message);
    }
    const ageMs = this.#context.store.clock.wall() - record.savedMs;
    if (maxAgeMs !== undefined && ageMs > maxAgeMs) {
      return this.#refuse('expired', `the cache is ${ageMs} ms old, more than ${maxAgeMs} ms`);
    }
    return record;
  }

  #refuse(kind: CacheTrouble['kind'], message: string): undefined {
    this.#report({ kind, message });
  }

  #want(): void {
    this.#mustSave = true;
    if (this.#isSaving || this.#isClosed) return;
    this.#isSaving = true;
    void this.#context.track(this.#saveAll()).catch(() => undefined);
  }

  async #saveAll(): Promise<void> {
    while (this.#mustSave) {
      this.#mustSave = false;
      try {
        await this.#saveNewest();
      } catch (error) {
        this.#report({ kind: 'unwritable', message: `cannot be cached: ${messageOf(error)}` });
        this.#tryLater();
      }
    }
    this.#isSaving = false;
  }

  async #saveNewest(): Promise<void> {
    const state = this.#state;
    if (state === undefined) return;
    const { saved, cipher, schemaName = '' } = this.#options;
    const bytes = encodeCache({
      name: this.#name,
      schemaName,
      savedMs: this.#knownMs,
      state: this.#withoutSecrets(state),
    });
    await saved.save(cipher === undefined ? bytes : await cipher.seal(bytes));
  }

  #withoutSecrets({ revision, parts }: ConfigState): ConfigState {
    const { secrets = [], cacheSecrets = false } = this.#options;
    if (cacheSecrets || secrets.length === 0) return { revision, parts };
    const open = parts.map(({ prefix, entries }) => ({
      prefix,
      entries: new Map([...entries].filter(([name]) => !matchesAny(secrets, name))),
    }));
    return { revision, parts: open };
  }

  #tryLater(): void {
    this.#retryTimer?.cancel();
    if (this.#isClosed) return;
    const { clock } = this.#context.store;
    this.#retryTimer = clock.timer(TIMING.viewPollMs, () => this.#want());
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
