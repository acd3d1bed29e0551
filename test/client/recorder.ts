// Subscribes to a stream and remembers what came, for tests that wait for a number of values or for
// its end. Waiting is by events, with a bound that only a failing test reaches.
import { EventEmitter, once } from 'node:events';
import { inspect } from 'node:util';
import type { Observable, Subscription } from 'rxjs';

const PATIENCE_MS = 30_000;

export class Recorder<T> {
  readonly values: T[] = [];
  error: unknown;
  completed = false;
  readonly #news = new EventEmitter();
  readonly #subscription: Subscription;

  constructor(source: Observable<T>) {
    this.#subscription = source.subscribe({
      next: (value) => {
        this.values.push(value);
        this.#news.emit('news');
      },
      error: (error: unknown) => {
        this.error = error;
        this.#news.emit('news');
      },
      complete: () => {
        this.completed = true;
        this.#news.emit('news');
      },
    });
  }

  /** The first `count` values, once there are so many. */
  async take(count: number): Promise<readonly T[]> {
    await this.#until(() => this.values.length >= count, `${count} values`);
    return this.values.slice(0, count);
  }

  /** Waits until one of the values is as wanted. */
  async find(wanted: (value: T) => boolean): Promise<T> {
    await this.#until(() => this.values.some(wanted), 'a value');
    return this.values.find(wanted) as T;
  }

  /** The error that ended it. */
  async failure(): Promise<unknown> {
    await this.#until(() => this.error !== undefined, 'an error');
    return this.error;
  }

  async completion(): Promise<void> {
    await this.#until(() => this.completed, 'completion');
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    while (!condition()) {
      if (this.error !== undefined) throw new Error(`ended by ${inspect(this.error)}`);
      try {
        await once(this.#news, 'news', { signal });
      } catch (cause) {
        const seen = JSON.stringify(this.values, (_, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        );
        throw new Error(`waited for ${what}, saw ${seen}`, { cause });
      }
    }
  }
}
