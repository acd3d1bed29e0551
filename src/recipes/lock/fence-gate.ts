import { CoordinationError } from '../errors.js';

/**
 * The side of the resource: it lets a request through when its fence is not smaller than any that
 * it has let through before. So a holder that was paused, and whose lock went to another meanwhile,
 * is refused from the first request of the other on. One gate stands for one resource, in the one
 * process that owns it; it forgets with the process unless `start` brings back the number. Idea of
 * sequencers in Chubby.
 *
 * @example
 * const gate = new FenceGate();
 * if (!gate.admits(fenceOf(request.headers))) return respond(409);
 */
export class FenceGate {
  #highest: number;

  /**
   * @param start - The largest fence that was ever let through, from where the resource keeps it.
   * @throws CoordinationError `InvalidArgument`
   */
  constructor(start = 0) {
    this.#highest = start === 0 ? 0 : checkFence(start);
  }

  /** The largest fence that was let through; 0 when there was none. */
  get highest(): number {
    return this.#highest;
  }

  /**
   * Whether a request with this fence may touch the resource; if so, smaller ones may not any more.
   * @throws CoordinationError `InvalidArgument` when it is no fence
   */
  admits(fence: number): boolean {
    checkFence(fence);
    if (fence < this.#highest) return false;
    this.#highest = fence;
    return true;
  }
}

/** @throws CoordinationError `InvalidArgument` */
export function checkFence(fence: number): number {
  if (Number.isSafeInteger(fence) && fence > 0) return fence;
  throw new CoordinationError('InvalidArgument', `${fence} is not a fence: a positive integer`);
}
