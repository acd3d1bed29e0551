import { type Disk, DiskError } from '../../ports/disk.js';
import type { Trace } from '../../ports/trace.js';
import { LIMITS } from '../../store/index.js';
import { encodeSnapshotBody, type SnapshotBody } from '../codec/snapshot-body.js';
import type { SnapshotMark } from '../raft/types.js';
import { ImageReader } from './image-reader.js';
import { IncomingFile, removeImages } from './snapshot-files.js';
import { StateImageError } from './state-image-error.js';

export interface SnapshotReceiverOptions {
  readonly disk: Disk;
  readonly trace: Trace;
  readonly clusterId: bigint;
  /** Index of the last entry that was applied here. */
  applied(): number;
  /** Sends a small frame. */
  send(to: bigint, body: Uint8Array): void;
  /** An image is complete, verified and durable. */
  arrived(from: bigint, term: number, mark: SnapshotMark): void;
  /** An image has arrived whole, or was given up. */
  ended?(from: bigint, ok: boolean): void;
  fail(error: unknown): void;
}

type Offer = Extract<SnapshotBody, { kind: 'offer' }>;
type Piece = Extract<SnapshotBody, { kind: 'piece' }>;

/** An image that is on its way here. */
interface Receiving {
  readonly from: bigint;
  readonly offer: Offer;
  readonly reader: ImageReader;
  /** Bytes that were taken in, */
  received: number;
  /** and of these the ones that were written. */
  written: number;
  isComplete: boolean;
  /** Where a gap was noticed that was asked about already. */
  gapAt: number;
  /** Undefined until the next tick, as is when the next piece was asked for. */
  heardMs: number | undefined;
  askedMs: number | undefined;
}

/**
 * Takes images of another member's state, one at a time: asks for piece after piece, checks each as
 * it comes, and writes it to a file that gets its name when all of it is sound and durable. A newer
 * image takes the place of an older one that is under way. It decides nothing about what the image
 * is good for. File operations run one after the other, whatever is begun and given up meanwhile.
 */
export class SnapshotReceiver {
  readonly #options: SnapshotReceiverOptions;
  readonly #file: IncomingFile;
  #receiving: Receiving | undefined;
  /** The newest image that is complete here. */
  #complete: SnapshotMark | undefined;
  #work: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: SnapshotReceiverOptions) {
    this.#options = options;
    this.#file = new IncomingFile(options.disk);
  }

  receive(from: bigint, body: SnapshotBody): void {
    if (body.kind === 'offer') this.#offered(from, body);
    const receiving = this.#receiving;
    if (receiving?.from !== from || receiving.offer.imageId !== body.imageId) return;
    receiving.heardMs = undefined;
    if (body.kind === 'piece') this.#take(receiving, body);
    if (body.kind === 'gone') this.#abandon(receiving, 'it is gone');
  }

  #offered(from: bigint, offer: Offer): void {
    const { imageId } = offer;
    if (offer.index <= this.#options.applied()) {
      this.#send(from, { kind: 'done', imageId, ok: true });
      return;
    }
    const complete = this.#complete;
    if (complete !== undefined && complete.index >= offer.index) {
      this.#options.arrived(from, offer.term, complete);
      this.#send(from, { kind: 'done', imageId, ok: true });
      return;
    }
    const before = this.#receiving;
    if (before !== undefined) {
      if (before.from === from && before.offer.imageId === imageId) return;
      const isNews =
        before.from === from || offer.index > before.offer.index || offer.term > before.offer.term;
      if (!isNews) return;
      this.#abandon(before, 'another one is offered');
    }
    this.#begin(from, offer);
  }

  #begin(from: bigint, offer: Offer): void {
    const receiving: Receiving = {
      from,
      offer,
      reader: new ImageReader(),
      received: 0,
      written: 0,
      isComplete: false,
      gapAt: -1,
      heardMs: undefined,
      askedMs: undefined,
    };
    this.#receiving = receiving;
    this.#next(receiving, () => this.#file.begin());
    this.#fetch(receiving, 0, true);
  }

  #take(receiving: Receiving, piece: Piece): void {
    const { position, bytes, isLast } = piece;
    const isTooMuch =
      receiving.received - receiving.written + bytes.length > LIMITS.snapshotWindowBytes * 2;
    if (receiving.isComplete || position < receiving.received || isTooMuch) return;
    if (position > receiving.received) {
      if (receiving.gapAt === receiving.received) return;
      receiving.gapAt = receiving.received;
      this.#fetch(receiving, receiving.received, true);
      return;
    }
    // A view into a frame, and the reader may keep it.
    const own = bytes.slice();
    try {
      receiving.reader.push(own);
      this.#checkHeader(receiving);
      if (isLast) receiving.reader.end();
    } catch (error) {
      if (!(error instanceof StateImageError)) throw error;
      this.#refuse(receiving, error.message);
      return;
    }
    receiving.received += own.length;
    // Only what brings it on puts off the next question: an offer that is repeated does not.
    receiving.askedMs = undefined;
    this.#next(receiving, () => this.#store(receiving, own, position));
    if (!isLast) return;
    receiving.isComplete = true;
    this.#next(receiving, () => this.#finish(receiving));
  }

  #checkHeader({ reader, offer }: Receiving): void {
    const { header } = reader;
    if (header === undefined) return;
    const { clusterId, mark, revision } = header;
    if (clusterId !== this.#options.clusterId) {
      throw new StateImageError(0, `it is of cluster ${clusterId.toString(16)}`);
    }
    if (mark.index !== offer.index || revision !== offer.revision) {
      throw new StateImageError(0, `it is of entry ${mark.index}, and ${offer.index} was offered`);
    }
  }

  async #store(receiving: Receiving, bytes: Uint8Array, position: number): Promise<void> {
    await this.#file.write(bytes, position);
    receiving.written = position + bytes.length;
    if (!receiving.isComplete && this.#receiving === receiving) {
      this.#fetch(receiving, receiving.written, false);
    }
  }

  async #finish(receiving: Receiving): Promise<void> {
    const { from, offer, reader } = receiving;
    const { mark } = reader.end();
    await this.#file.finish(mark);
    if (this.#isStopped || this.#receiving !== receiving) return;
    this.#receiving = undefined;
    this.#complete = mark;
    this.#options.trace.event('info', 'state image received', {
      member: from.toString(16),
      index: mark.index,
      bytes: receiving.received,
    });
    this.#options.ended?.(from, true);
    this.#options.arrived(from, offer.term, mark);
    this.#send(from, { kind: 'done', imageId: offer.imageId, ok: true });
  }

  /** Once each heartbeat. */
  tick(nowMs: number): void {
    this.#dropOvertaken();
    const receiving = this.#receiving;
    if (receiving === undefined || receiving.isComplete) return;
    receiving.heardMs ??= nowMs;
    receiving.askedMs ??= nowMs;
    if (nowMs - receiving.heardMs >= LIMITS.snapshotIdleMs) {
      this.#abandon(receiving, 'its sender is silent');
    } else if (nowMs - receiving.askedMs >= LIMITS.snapshotRefetchMs) {
      receiving.askedMs = nowMs;
      receiving.gapAt = -1;
      this.#fetch(receiving, receiving.received, true);
    }
  }

  /** An image that raft found old when it came is never installed, nor is one that became so. */
  #dropOvertaken(): void {
    const index = this.#complete?.index;
    if (index === undefined || index > this.#options.applied()) return;
    this.#complete = undefined;
    this.#queue(() => removeImages(this.#options.disk, index));
  }

  /** The state up to `index` is installed: older images are of no use, and their files are gone. */
  installed(index: number): void {
    if (this.#complete !== undefined && this.#complete.index <= index) this.#complete = undefined;
    const receiving = this.#receiving;
    if (receiving === undefined || receiving.isComplete || receiving.offer.index > index) return;
    this.#abandon(receiving, 'a newer state is installed');
  }

  /** Resolves when no file operation is under way. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Nothing is read or written any more; the file is given back. */
  stop(): void {
    this.#isStopped = true;
    this.#receiving = undefined;
    const giveBack = (): Promise<void> => this.#file.close();
    // A file that cannot be closed holds nothing that counts.
    this.#work = this.#work.then(giveBack).catch(() => undefined);
  }

  #refuse(receiving: Receiving, reason: string): void {
    const { imageId } = receiving.offer;
    this.#send(receiving.from, { kind: 'done', imageId, ok: false });
    this.#abandon(receiving, reason);
  }

  #abandon(receiving: Receiving, reason: string): void {
    this.#options.trace.event('warn', 'state image given up', {
      member: receiving.from.toString(16),
      index: receiving.offer.index,
      bytes: receiving.received,
      reason,
    });
    this.#options.ended?.(receiving.from, false);
    this.#receiving = undefined;
    this.#queue(() => this.#file.abandon());
  }

  /** Does something with the file, unless the image was given up before its turn came. */
  #next(receiving: Receiving, work: () => Promise<void>): void {
    this.#queue(async () => {
      if (this.#receiving !== receiving) return;
      try {
        await work();
      } catch (error) {
        // No promise was made about this file, so a disk without room ends nothing else.
        if (!(error instanceof DiskError) || error.kind !== 'full') throw error;
        if (this.#receiving === receiving) this.#refuse(receiving, error.message);
      }
    });
  }

  #queue(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#isStopped) return;
      try {
        await work();
      } catch (error) {
        this.#isStopped = true;
        this.#options.fail(error);
      }
    });
  }

  #fetch({ from, offer }: Receiving, position: number, again: boolean): void {
    this.#send(from, { kind: 'fetch', imageId: offer.imageId, position, again });
  }

  #send(to: bigint, body: SnapshotBody): void {
    this.#options.send(to, encodeSnapshotBody(body));
  }
}
