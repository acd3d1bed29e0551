/**
 * What a leader knows of one follower. It decides what may be sent next, never sends itself.
 *
 * In `probe` the leader does not know where the logs part: one append at a time, the next after an
 * answer or a heartbeat's answer. In `replicate` the logs are equal up to `match` and appends
 * follow each other without waiting, inside the in-flight window. In `snapshot` the follower needs
 * a state image, and nothing is sent until it has one or the attempt is over. Always
 * 0 <= match < next.
 */
import type { Inflights } from './inflights.js';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

export class Progress {
  readonly #inflights: Inflights;
  #state: ProgressState = 'probe';
  #match = 0;
  #next: number;
  #paused = false;
  #recentlyActive = false;
  #readRound = 0;
  /** In `snapshot`: what the image reaches at least. */
  #snapshotIndex = 0;

  constructor(next: number, inflights: Inflights) {
    this.#next = next;
    this.#inflights = inflights;
  }

  get state(): ProgressState {
    return this.#state;
  }

  /** The highest index up to which the follower's log is known to be ours, and persisted there. */
  get match(): number {
    return this.#match;
  }

  /** The first index of the next append. */
  get next(): number {
    return this.#next;
  }

  /** Whether appends wait for an answer. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether entries may be in the next append; if not, it can only ask where the follower is. */
  get takesEntries(): boolean {
    return this.#state === 'probe' || !this.#inflights.full;
  }

  /** Whether the follower was heard since the last check of the quorum. */
  get recentlyActive(): boolean {
    return this.#recentlyActive;
  }

  /** The newest round of reads that the follower confirmed; 0 for none. */
  get readRound(): number {
    return this.#readRound;
  }

  markActive(): void {
    this.#recentlyActive = true;
  }

  clearActive(): void {
    this.#recentlyActive = false;
  }

  confirmReadRound(round: number): void {
    this.#readRound = Math.max(this.#readRound, round);
  }

  /** The follower answered a heartbeat: an append that was lost may be asked for again. */
  resume(): void {
    if (this.#state !== 'snapshot') this.#paused = false;
  }

  /** The follower gets an image of the state up to `index` or later. */
  awaitSnapshot(index: number): void {
    this.#state = 'snapshot';
    this.#snapshotIndex = index;
    this.#paused = true;
    this.#inflights.reset();
  }

  /**
   * The attempt to send an image is over. The next append waits until the follower is heard, which
   * also bounds how often a snapshot that fails is tried again.
   */
  snapshotEnded(ok: boolean): void {
    if (this.#state !== 'snapshot') return;
    this.#state = 'probe';
    this.#next = Math.max(this.#match, ok ? this.#snapshotIndex : 0) + 1;
  }

  /** An append with `entryCount` entries left. */
  sent(entryCount: number, byteCount: number): void {
    if (this.#state === 'probe') {
      this.#paused = true;
      return;
    }
    if (entryCount > 0) {
      this.#next += entryCount;
      this.#inflights.add(this.#next - 1, byteCount);
    }
    this.#paused = this.#inflights.full;
  }

  /**
   * The follower's log is ours up to `index`.
   * @returns whether that moved anything: the match, or the state
   */
  accepted(index: number): boolean {
    const news = index > this.#match || (index === this.#match && this.#state === 'probe');
    if (!news) return false;
    this.#match = index;
    if (this.#state === 'snapshot' && index < this.#snapshotIndex) {
      this.#next = Math.max(this.#next, index + 1);
      return true;
    }
    if (this.#state !== 'replicate') {
      this.#state = 'replicate';
      this.#next = index + 1;
      this.#inflights.reset();
    } else {
      this.#next = Math.max(this.#next, index + 1);
      this.#inflights.freeTo(index);
    }
    this.#paused = this.#inflights.full;
    return true;
  }

  /**
   * The follower refused an append behind `rejectedIndex`; the logs may be equal at
   * `candidateIndex`.
   * @returns false if the refusal is out of date and says nothing new
   */
  rejected(rejectedIndex: number, candidateIndex: number): boolean {
    if (this.#state === 'snapshot') return false;
    if (this.#state === 'replicate') {
      if (rejectedIndex <= this.#match) return false;
      this.#state = 'probe';
      this.#next = this.#match + 1;
      this.#inflights.reset();
      this.#paused = false;
      return true;
    }
    // While probing only the append that is under way can be refused.
    if (rejectedIndex !== this.#next - 1) return false;
    this.#next = Math.max(Math.min(rejectedIndex, candidateIndex + 1), this.#match + 1);
    this.#paused = false;
    return true;
  }
}
