// Members that send each other state images over a network that loses, doubles, delays and damages
// frames, driven step by step.
import { SnapshotReceiver } from '../../../src/kernel/snapshot/snapshot-receiver.js';
import { type OpenImage, SnapshotSender } from '../../../src/kernel/snapshot/snapshot-sender.js';
import { decodeSnapshotBody } from '../../../src/kernel/codec/snapshot-body.js';
import type { ImageHeader } from '../../../src/kernel/snapshot/image-format.js';
import type { ImageRow } from '../../../src/kernel/snapshot/image-rows.js';
import { imagePieces } from '../../../src/kernel/snapshot/image-writer.js';
import { EMPTY_CONF_STATE, type SnapshotMark } from '../../../src/kernel/raft/types.js';
import { SimDisk } from '../../../src/simulation/sim-disk.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';

export const CLUSTER = 77n;
export const NO_TRACE = { event: () => undefined };

export function headerAt(index: number, term = 3, clusterId = CLUSTER): ImageHeader {
  const mark = { index, term, confState: { ...EMPTY_CONF_STATE, voters: [1n, 2n] } };
  const revision = index * 2;
  return { clusterId, memberId: 1n, mark, revision, rollingHash: index, compactRevision: -1 };
}

export function rowsOf(random: SimRandom, byteCount: number): ImageRow[] {
  const rows: ImageRow[] = [];
  for (let i = 0; rows.length * 20_000 < byteCount; i++) {
    const value = new Uint8Array(20_000).fill(random.below(256));
    rows.push({ bucket: 'key', key: Uint8Array.of(i >> 8, i & 0xff), value });
  }
  return rows;
}

/** What goes wrong with a frame, in a hundred. */
export interface Weather {
  readonly lost: number;
  readonly doubled: number;
  readonly damaged: number;
  readonly late: number;
}

export const CALM: Weather = { lost: 0, doubled: 0, damaged: 0, late: 0 };

export interface Arrival {
  readonly from: bigint;
  readonly term: number;
  readonly mark: SnapshotMark;
}

/** One receiver, and as many senders as are asked for. */
export class TransferWorld {
  readonly random: SimRandom;
  disk: SimDisk;
  readonly arrivals: Arrival[] = [];
  readonly reports: { readonly by: bigint; readonly ok: boolean }[] = [];
  readonly failures: unknown[] = [];
  receiver: SnapshotReceiver;
  readonly #senders = new Map<bigint, SnapshotSender>();
  #queue: (() => void)[] = [];
  weather: Weather = CALM;
  nowMs = 0;
  applied = 0;
  sentBytes = 0;
  openImages = 0;
  /** Frames to the receiver and back do not arrive. */
  isCut = false;
  /** Frames of the receiver do not arrive. */
  isMute = false;

  constructor(seed: number) {
    this.random = new SimRandom(seed);
    this.disk = new SimDisk(this.random.split('disk'));
    this.receiver = this.#newReceiver();
  }

  /** The receiver's process ends, and another one begins with what is on the disk. */
  restartReceiver(): void {
    this.receiver.stop();
    this.disk = this.disk.crash('kept');
    this.receiver = this.#newReceiver();
  }

  #newReceiver(): SnapshotReceiver {
    return new SnapshotReceiver({
      disk: this.disk,
      trace: NO_TRACE,
      clusterId: CLUSTER,
      applied: () => this.applied,
      send: (to, body) => {
        if (this.isMute) return;
        this.#frame(body, (bytes) => this.#senders.get(to)?.receive(9n, decodeSnapshotBody(bytes)));
      },
      arrived: (from, term, mark) => this.arrivals.push({ from, term, mark }),
      fail: (error) => this.failures.push(error),
    });
  }

  /** A member whose images have that header and these rows. */
  sender(id: bigint, header: () => ImageHeader, rows: () => Iterable<ImageRow>): SnapshotSender {
    const sender = new SnapshotSender({
      random: this.random.split(`sender ${id}`),
      trace: NO_TRACE,
      send: (_, body) => {
        this.sentBytes += body.length;
        this.#frame(body, (bytes) => this.receiver.receive(id, decodeSnapshotBody(bytes)));
      },
      reported: (_, ok) => this.reports.push({ by: id, ok }),
      capture: (take) => {
        take(this.#openImage(header(), rows()));
      },
      fail: (error) => this.failures.push(error),
    });
    this.#senders.set(id, sender);
    return sender;
  }

  /** A member whose image is of entry `index` and has these rows. */
  holder(index: number, rows: readonly ImageRow[], id = 1n): SnapshotSender {
    return this.sender(
      id,
      () => headerAt(index),
      () => rows,
    );
  }

  /** The same, and its image is offered to the receiver, in term 5. */
  offers(index: number, rows: readonly ImageRow[], id = 1n): SnapshotSender {
    const sender = this.holder(index, rows, id);
    sender.offer(9n, index, 5);
    return sender;
  }

  #openImage(header: ImageHeader, rows: Iterable<ImageRow>): OpenImage {
    const pieces = imagePieces(header, rows)[Symbol.iterator]();
    this.openImages++;
    let isOpen = true;
    return {
      header,
      next: () => {
        const next = pieces.next();
        return next.done === true ? undefined : next.value;
      },
      close: () => {
        if (isOpen) this.openImages--;
        isOpen = false;
      },
    };
  }

  #frame(body: Uint8Array, deliver: (bytes: Uint8Array) => void): void {
    const { lost, doubled, damaged, late } = this.weather;
    const chance = (percent: number): boolean => this.random.below(100) < percent;
    if (this.isCut || chance(lost)) return;
    for (let copies = chance(doubled) ? 2 : 1; copies > 0; copies--) {
      const bytes = body.slice();
      if (chance(damaged)) {
        const at = this.random.below(bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << this.random.below(8));
      }
      const step = (): void => {
        try {
          deliver(bytes);
        } catch (error) {
          if (!(error instanceof Error && error.name === 'CodecError')) throw error;
        }
      };
      const place = chance(late) ? this.random.below(this.#queue.length + 1) : this.#queue.length;
      this.#queue.splice(place, 0, step);
    }
  }

  /** Delivers what is under way, and what comes of it, for some heartbeats. */
  async run(ticks: number, tickMs = 100, roundsMax = 20): Promise<void> {
    for (let tick = 0; tick < ticks; tick++) {
      for (let rounds = 0; rounds < roundsMax; rounds++) {
        const due = this.#queue;
        this.#queue = [];
        for (const step of due) step();
        await this.receiver.settled();
        if (this.#queue.length === 0) break;
      }
      this.nowMs += tickMs;
      this.receiver.tick(this.nowMs);
      for (const sender of this.#senders.values()) sender.tick(this.nowMs);
    }
  }
}
