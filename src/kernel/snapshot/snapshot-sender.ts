import type { Lane } from '../../ports/network.js';
import type { Random } from '../../ports/random.js';
import type { Trace } from '../../ports/trace.js';
import { LIMITS } from '../../store/index.js';
import { encodeSnapshotBody, type SnapshotBody } from '../codec/snapshot-body.js';
import type { ImageHeader } from './image-format.js';
import { PieceQueue } from './piece-queue.js';

/** An image that is made while it is read; it holds a view of the backend until it is closed. */
export interface OpenImage {
  readonly header: ImageHeader;
  /** The next bytes of the image, or undefined after its end. @throws Error for a damaged row */
  next(): Uint8Array | undefined;
  /** Closing twice does nothing. */
  close(): void;
}

export interface SnapshotSenderOptions {
  readonly random: Random;
  readonly trace: Trace;
  /** Bytes of one piece; a fixed number of pieces is under way. Default: what a frame takes. */
  readonly pieceBytes?: number | undefined;
  send(to: bigint, body: Uint8Array, lane: Lane): void;
  /** What became of the image for `to`. */
  reported(to: bigint, ok: boolean): void;
  /** Takes an image of the state as it is soon, once it is all in the backend. */
  capture(take: (image: OpenImage) => void): void;
  /** A row of the own backend is damaged. */
  fail(error: unknown): void;
}

/** One image on its way to one member. */
interface Sending {
  readonly imageId: bigint;
  readonly to: bigint;
  term: number;
  image: OpenImage | undefined;
  /** Position of the first piece in `pieces`: everything before it has arrived. */
  base: number;
  /** What was made of the image and not confirmed. */
  readonly pieces: Uint8Array[];
  /** Pieces among them that were sent. */
  sentCount: number;
  /** What was made and is no whole piece. */
  readonly rest: PieceQueue;
  isComplete: boolean;
  /** Undefined until the next tick. */
  heardMs: number | undefined;
  offeredMs: number | undefined;
  /** Nothing was heard for a while: the other side may have begun another life. */
  isQuiet: boolean;
}

/**
 * Gives images of this member's state to members that cannot go on without. Each is made while it
 * is asked for, from a view of the backend, a bounded window ahead of what has arrived; nothing is
 * kept on disk. One image a member: a later one takes the place of the one before. It is told the
 * time, never asks for it, and waits for nothing.
 */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  readonly #sendings = new Map<bigint, Sending>();

  constructor(options: SnapshotSenderOptions) {
    this.#options = options;
  }

  /** Images under way. */
  get count(): number {
    return this.#sendings.size;
  }

  /** `to` needs the state at `index` or later; this member leads in `term`. */
  offer(to: bigint, index: number, term: number): void {
    const before = this.#sendings.get(to);
    if (before !== undefined) {
      const reaches = before.image === undefined || before.image.header.mark.index >= index;
      if (reaches) {
        before.term = term;
        this.#sendOffer(before);
        return;
      }
      this.#drop(before);
    }
    const sending: Sending = {
      imageId: this.#options.random.int63(),
      to,
      term,
      image: undefined,
      base: 0,
      pieces: [],
      sentCount: 0,
      rest: new PieceQueue(),
      isComplete: false,
      heardMs: undefined,
      offeredMs: undefined,
      isQuiet: false,
    };
    this.#sendings.set(to, sending);
    this.#options.capture((image) => {
      // Another one was begun meanwhile, or the member stopped.
      if (this.#sendings.get(to) !== sending) image.close();
      else this.#begin(sending, image, index);
    });
  }

  #begin(sending: Sending, image: OpenImage, index: number): void {
    sending.image = image;
    if (image.header.mark.index < index) {
      this.#end(sending, false, 'the state is older than what was asked for');
      return;
    }
    this.#sendOffer(sending);
  }

  #sendOffer({ to, imageId, term, image }: Sending): void {
    if (image === undefined) return;
    const { mark, revision } = image.header;
    this.#send(to, { kind: 'offer', imageId, term, index: mark.index, revision });
  }

  /** Takes what another member says of an image of this one. */
  receive(from: bigint, body: SnapshotBody): void {
    const sending = this.#sendings.get(from);
    if (sending === undefined || sending.imageId !== body.imageId) {
      if (body.kind === 'fetch') this.#send(from, { kind: 'gone', imageId: body.imageId });
      return;
    }
    sending.heardMs = undefined;
    const wasQuiet = sending.isQuiet;
    sending.isQuiet = false;
    if (body.kind === 'done') {
      this.#end(sending, body.ok, body.ok ? 'it has arrived' : 'it was refused');
    } else if (body.kind !== 'fetch') return;
    else if (body.position >= sending.base) this.#answer(sending, body.position, body.again);
    // Otherwise a frame that was late: what it asks for has arrived.
    else if (wasQuiet) this.#giveUp(sending);
  }

  #answer(sending: Sending, position: number, again: boolean): void {
    while (sending.base < position) {
      const first = sending.pieces.shift();
      if (first === undefined) break;
      sending.base += first.length;
      sending.sentCount = Math.max(0, sending.sentCount - 1);
    }
    if (sending.base !== position) {
      this.#giveUp(sending);
      return;
    }
    if (again) sending.sentCount = 0;
    try {
      this.#fill(sending);
    } catch (error) {
      this.#drop(sending);
      this.#options.fail(error);
      return;
    }
    this.#sendPieces(sending);
  }

  #giveUp(sending: Sending): void {
    this.#send(sending.to, { kind: 'gone', imageId: sending.imageId });
    this.#end(sending, false, 'a part of it was asked for that is not kept');
  }

  /** Makes pieces up to the end of the window. */
  #fill(sending: Sending): void {
    const { pieces, rest, image } = sending;
    const pieceBytes = this.#options.pieceBytes ?? LIMITS.snapshotPieceBytes;
    const most = LIMITS.snapshotWindowBytes / LIMITS.snapshotPieceBytes;
    while (pieces.length < most && !sending.isComplete) {
      while (rest.length <= pieceBytes) {
        const bytes = image?.next();
        if (bytes === undefined) {
          sending.isComplete = true;
          break;
        }
        rest.push(bytes);
      }
      const length = Math.min(rest.length, pieceBytes);
      pieces.push(rest.take(length) as Uint8Array);
    }
  }

  #sendPieces(sending: Sending): void {
    const { to, imageId, pieces, isComplete } = sending;
    let position = sending.base;
    for (const [at, bytes] of pieces.entries()) {
      const isLast = isComplete && sending.rest.length === 0 && at === pieces.length - 1;
      if (at >= sending.sentCount) {
        this.#send(to, { kind: 'piece', imageId, position, isLast, bytes }, 'bulk');
      }
      position += bytes.length;
    }
    sending.sentCount = pieces.length;
  }

  /** Once each heartbeat. */
  tick(nowMs: number): void {
    for (const sending of [...this.#sendings.values()]) {
      if (sending.image === undefined) continue;
      sending.heardMs ??= nowMs;
      sending.offeredMs ??= nowMs;
      if (nowMs - sending.heardMs >= LIMITS.snapshotIdleMs) {
        this.#end(sending, false, 'nobody asks for it any more');
        continue;
      }
      // Who was told and has forgotten it, after a crash, must be told again.
      if (nowMs - sending.heardMs >= LIMITS.snapshotRefetchMs) sending.isQuiet = true;
      const isDue = nowMs - sending.offeredMs >= LIMITS.snapshotRefetchMs;
      if (isDue && (sending.base === 0 || sending.isQuiet)) {
        sending.offeredMs = nowMs;
        this.#sendOffer(sending);
      }
    }
  }

  /** The member stops: nobody is told. */
  stop(): void {
    for (const sending of [...this.#sendings.values()]) this.#drop(sending);
  }

  /** Every image is gone: the backend's views end. */
  dropAll(): void {
    for (const sending of [...this.#sendings.values()]) {
      this.#send(sending.to, { kind: 'gone', imageId: sending.imageId });
      this.#end(sending, false, 'this member gives it up');
    }
  }

  #end(sending: Sending, ok: boolean, reason: string): void {
    this.#drop(sending);
    this.#options.trace.event(ok ? 'info' : 'warn', 'state image for another member', {
      member: sending.to.toString(16),
      index: sending.image?.header.mark.index,
      ok,
      reason,
    });
    this.#options.reported(sending.to, ok);
  }

  #drop(sending: Sending): void {
    this.#sendings.delete(sending.to);
    sending.image?.close();
  }

  #send(to: bigint, body: SnapshotBody, lane: Lane = 'urgent'): void {
    this.#options.send(to, encodeSnapshotBody(body), lane);
  }
}
