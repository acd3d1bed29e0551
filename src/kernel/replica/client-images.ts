import type { BackendView } from '../../ports/backend.js';
import type { Clock } from '../../ports/clock.js';
import { LIMITS, StoreError } from '../../store/index.js';
import { stateRows } from '../snapshot/image-rows.js';
import type { ImageHeader } from '../snapshot/image-format.js';
import { ImageMeasure } from '../snapshot/image-writer.js';
import { ViewImage } from '../snapshot/view-image.js';

export interface ClientImagesOptions {
  readonly clock: Clock;
  /** Has `take` called with a view of everything that was applied until now. */
  capture(take: (header: ImageHeader, view: BackendView) => void): void;
  /** A row of the own backend is damaged: the member stops. */
  fail(error: unknown): void;
}

/** An image of the state, for somebody outside. */
export interface ClientImage {
  readonly revision: number;
  readonly byteCount: number;
  /** To be read to its end, or left by `return`. */
  readonly pieces: AsyncIterableIterator<Uint8Array>;
}

/** Rows, or pieces, after which others get a turn. */
const ROWS_BETWEEN_PAUSES = 2000;
const PIECES_BETWEEN_PAUSES = 16;

/**
 * Images of the state for clients. Each holds a view of the backend from its beginning to its end;
 * so there are only a few at once. Its size is counted before the first piece, by reading all rows.
 */
export class ClientImages {
  readonly #options: ClientImagesOptions;
  readonly #waiting = new Set<(error: StoreError) => void>();
  readonly #open = new Set<BackendView>();
  #count = 0;
  #isStopped = false;

  constructor(options: ClientImagesOptions) {
    this.#options = options;
  }

  /** @throws StoreError `TooManyRequests`, `Stopped`; `Unavailable` when another state came */
  async take(): Promise<ClientImage> {
    if (this.#isStopped) throw new StoreError('Stopped');
    if (this.#count >= LIMITS.imagesAtOnce) throw new StoreError('TooManyRequests');
    this.#count++;
    let view: BackendView | undefined;
    try {
      const captured = await this.#capture();
      view = captured.view;
      this.#open.add(view);
      const byteCount = await this.#measure(captured.header, view);
      const { revision } = captured.header;
      return { revision, byteCount, pieces: this.#pieces(captured.header, view) };
    } catch (error) {
      this.#end(view);
      throw this.#explain(error);
    }
  }

  #capture(): Promise<{ readonly header: ImageHeader; readonly view: BackendView }> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      this.#options.capture((header, view) => {
        if (this.#waiting.delete(reject)) resolve({ header, view });
        else view.release();
      });
    });
  }

  async #measure(header: ImageHeader, view: BackendView): Promise<number> {
    const measure = new ImageMeasure(header);
    let rows = 0;
    for (const row of stateRows(view)) {
      measure.add(row);
      if (++rows % ROWS_BETWEEN_PAUSES !== 0) continue;
      await this.#pause();
      this.#mustLive(view);
    }
    return measure.finish();
  }

  #pieces(header: ImageHeader, view: BackendView): AsyncIterableIterator<Uint8Array> {
    const image = new ViewImage(header, view);
    let made = 0;
    const end = (): IteratorResult<Uint8Array> => {
      this.#end(view);
      return { done: true, value: undefined };
    };
    const iterator: AsyncIterableIterator<Uint8Array> = {
      next: async () => {
        try {
          if (made++ % PIECES_BETWEEN_PAUSES === 0) await this.#pause();
          this.#mustLive(view);
          const value = image.next();
          return value === undefined ? end() : { done: false, value };
        } catch (error) {
          this.#end(view);
          throw this.#explain(error);
        }
      },
      return: async () => end(),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.timer(0, resolve);
    });
  }

  #mustLive(view: BackendView): void {
    if (this.#isStopped) throw new StoreError('Stopped');
    if (!this.#open.has(view)) throw new StoreError('Unavailable');
  }

  /** Ends one that was counted, once. */
  #end(view: BackendView | undefined): void {
    if (view !== undefined && !this.#open.delete(view)) return;
    view?.release();
    this.#count--;
  }

  /** Ends all: the backend is given another state. */
  dropAll(): void {
    for (const view of [...this.#open]) this.#end(view);
  }

  stop(): void {
    this.#isStopped = true;
    this.dropAll();
    for (const reject of this.#waiting) reject(new StoreError('Stopped'));
    this.#waiting.clear();
  }

  #explain(error: unknown): unknown {
    if (error instanceof StoreError) return error;
    this.#options.fail(error);
    return new StoreError('Stopped', undefined, { cause: error });
  }
}
