import type { Clock } from '../../ports/clock.js';
import type { Meter } from '../../ports/trace.js';
import { LIMITS } from '../../store/index.js';
import type { HashKv, Mvcc } from '../mvcc/mvcc.js';

export interface KvHashesOptions {
  readonly mvcc: Mvcc;
  readonly clock: Clock;
  readonly meter?: Meter | undefined;
  /** Reads from the state, as the replica allows it. */
  readonly read: <T>(read: () => T) => T;
}

/**
 * Hashes of the whole store, in small parts with pauses in which requests are served and heartbeats
 * sent. One at a time, in the order of the calls: many at once would leave no room in the pauses.
 */
export class KvHashes {
  readonly #options: KvHashesOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: KvHashesOptions) {
    this.#options = options;
  }

  /** @throws StoreError `Compacted`, `FutureRevision`, `Stopped` */
  hash(revision: number): Promise<HashKv> {
    const hashed = this.#last.then(() => this.#hash(revision));
    // The next one does not care what came of this one.
    this.#last = hashed.catch(() => undefined);
    return hashed;
  }

  async #hash(revision: number): Promise<HashKv> {
    const { mvcc, clock, meter, read } = this.#options;
    const startMs = clock.monotonic();
    const hasher = read(() => mvcc.hashing(revision));
    for (;;) {
      const hash = read(() => hasher.step(LIMITS.hashStepRows, LIMITS.hashStepBytes));
      if (hash !== undefined) {
        meter?.observe('hashSeconds', (clock.monotonic() - startMs) / 1000);
        return hash;
      }
      await new Promise<void>((resolve) => clock.timer(0, resolve));
    }
  }
}
