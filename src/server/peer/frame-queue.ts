export interface FrameQueueBounds {
  readonly framesMax: number;
  readonly bytesMax: number;
  /** Bytes from which on a batch takes no further frame. */
  readonly batchBytes: number;
}

/**
 * Frames that wait for one connection, oldest first, bounded in number and in bytes. What does not
 * fit is refused and never waits elsewhere. One frame alone may be larger than the bound.
 */
export class FrameQueue {
  readonly #bounds: FrameQueueBounds;
  #frames: Uint8Array[] = [];
  /** Where the oldest is; what is before it was taken. */
  #first = 0;
  #byteCount = 0;

  constructor(bounds: FrameQueueBounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#frames.length - this.#first;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** False when there is no room for it. */
  push(frame: Uint8Array): boolean {
    if (this.length > 0) {
      if (this.length >= this.#bounds.framesMax) return false;
      if (this.#byteCount + frame.length > this.#bounds.bytesMax) return false;
    }
    this.#frames.push(frame);
    this.#byteCount += frame.length;
    return true;
  }

  /** Takes the oldest frames, as many as one message should carry; at least one if there is any. */
  take(): readonly Uint8Array[] {
    let end = this.#first;
    let bytes = 0;
    while (end < this.#frames.length && (bytes === 0 || bytes < this.#bounds.batchBytes)) {
      const next = this.#frames[end]?.length ?? 0;
      if (bytes > 0 && bytes + next > this.#bounds.batchBytes) break;
      bytes += next;
      end += 1;
    }
    const taken = this.#frames.slice(this.#first, end);
    this.#first = end;
    this.#byteCount -= bytes;
    // Moving the rest down each time would cost the square of what waits.
    if (this.#first * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
    return taken;
  }

  /** Forgets all; returns how many frames that were. */
  clear(): number {
    const { length } = this;
    this.#frames = [];
    this.#first = 0;
    this.#byteCount = 0;
    return length;
  }
}
