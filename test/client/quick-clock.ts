// The machine's time with the pauses between tries shortened, so that tests see many of them in
// little time. How long a server may take to answer is left as it is. And a chance that always
// falls on the first, so that a client begins at its first endpoint.
import { NodeClock } from '../../src/host/node-clock.js';
import { NodeRandom } from '../../src/host/node-random.js';
import type { Timer } from '../../src/ports/clock.js';
import { LIMITS } from '../../src/store/index.js';

const FASTER = 50;

/** Times that are given to servers. */
const KEPT: ReadonlySet<number> = new Set([
  LIMITS.clientDialStaggerMs,
  LIMITS.clientDialMs,
  LIMITS.clientStallMs,
  LIMITS.clientStallMs / 2,
]);

export class QuickClock extends NodeClock {
  override timer(delayMs: number, fire: () => void): Timer {
    const pause = delayMs < LIMITS.clientDialMs || delayMs === LIMITS.clientMemberSyncMs;
    const short = pause && !KEPT.has(delayMs);
    return super.timer(short ? delayMs / FASTER : delayMs, fire);
  }
}

export class FirstRandom extends NodeRandom {
  override below(): number {
    return 0;
  }
}
