// The machine's time with the pauses between tries shortened, so that tests see many of them in
// little time. How long a server may take to answer is left as it is.
import { NodeClock } from '../../src/host/node-clock.js';
import type { Timer } from '../../src/ports/clock.js';
import { LIMITS } from '../../src/store/index.js';

const FASTER = 50;

export class QuickClock extends NodeClock {
  override timer(delayMs: number, fire: () => void): Timer {
    return super.timer(delayMs < LIMITS.clientDialMs ? delayMs / FASTER : delayMs, fire);
  }
}
