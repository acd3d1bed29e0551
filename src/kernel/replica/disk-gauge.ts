import type { Disk } from '../../ports/disk.js';
import type { Trace } from '../../ports/trace.js';
import { LIMITS } from '../../store/index.js';

export interface DiskGaugeOptions {
  readonly disk: Disk;
  readonly trace: Trace;
  /** 0 for never. */
  readonly reserveBytes: number;
  /** Tells everybody that there is no room here. */
  readonly raise: () => Promise<void>;
}

/**
 * Whether the disk will soon be full. A log or a backend that cannot be written ends the member;
 * before it comes to that the alarm is raised, while there is room for the alarm itself and for
 * what makes room again. It looks now and then, and only where the disk tells: no promise rests on
 * it, and who fills the disk faster than it looks still ends the member.
 */
export class DiskGauge {
  readonly #options: DiskGaugeOptions;
  #isTight = false;
  #isAsking = false;
  #askAgainMs = Number.NEGATIVE_INFINITY;

  constructor(options: DiskGaugeOptions) {
    this.#options = options;
  }

  /** Whether there was less than the reserve when it looked last. */
  get isTight(): boolean {
    return this.#isTight;
  }

  /** Once each heartbeat. */
  tick(nowMs: number): void {
    const { disk, reserveBytes } = this.#options;
    if (reserveBytes <= 0 || disk.freeBytes === undefined) return;
    if (this.#isAsking || nowMs < this.#askAgainMs) return;
    this.#askAgainMs = nowMs + LIMITS.diskCheckMs;
    this.#isAsking = true;
    // Who cannot say how much is left has not failed at anything that was promised.
    const asked = disk.freeBytes().catch(() => undefined);
    void asked.then((freeBytes) => this.#answered(freeBytes));
  }

  #answered(freeBytes: number | undefined): void {
    const { reserveBytes, trace, raise } = this.#options;
    this.#isAsking = false;
    const wasTight = this.#isTight;
    this.#isTight = freeBytes !== undefined && freeBytes < reserveBytes;
    if (!this.#isTight) return;
    if (!wasTight) trace.event('warn', 'the disk is nearly full', { freeBytes, reserveBytes });
    // Whatever came of it: the next look tries again.
    raise().catch(() => undefined);
  }
}
