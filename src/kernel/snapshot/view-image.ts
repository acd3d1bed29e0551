import type { BackendView } from '../../ports/backend.js';
import type { ImageHeader } from './image-format.js';
import { stateRows } from './image-rows.js';
import { imagePieces } from './image-writer.js';
import type { OpenImage } from './snapshot-sender.js';

/**
 * The image of a view, made as it is read. It owns the view and gives it back when it is closed or
 * when its end was read.
 */
export class ViewImage implements OpenImage {
  readonly header: ImageHeader;
  readonly #view: BackendView;
  readonly #pieces: Iterator<Uint8Array>;

  constructor(header: ImageHeader, view: BackendView) {
    this.header = header;
    this.#view = view;
    this.#pieces = imagePieces(header, stateRows(view))[Symbol.iterator]();
  }

  next(): Uint8Array | undefined {
    const next = this.#pieces.next();
    if (next.done !== true) return next.value;
    this.close();
    return undefined;
  }

  close(): void {
    this.#view.release();
  }
}
