/**
 * The wires between simulated machines: messages are lost, come twice and out of order, and now and
 * then two groups do not hear each other at all. What is sent stays under way until it is taken.
 */
import type { Message } from '../../../src/kernel/raft/messages.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';

const UNDER_WAY_MAX = 300;

export class SimulatedWires {
  readonly #random: SimRandom;
  #messages: Message[] = [];
  #cut = new Set<string>();

  constructor(random: SimRandom) {
    this.#random = random;
  }

  send(message: Message): void {
    this.#messages.push(message);
  }

  /** With too many under way the oldest is lost. */
  keepBound(): void {
    if (this.#messages.length > UNDER_WAY_MAX) this.#messages.shift();
  }

  /** The next one that arrives, mostly the oldest; nothing when there is none, or it is lost. */
  take(): Message | undefined {
    if (this.#messages.length === 0) return undefined;
    const reorder = this.#random.below(4) === 0;
    const position = reorder ? this.#random.below(this.#messages.length) : 0;
    const message = this.#messages[position];
    if (message === undefined) return undefined;
    const keep = this.#random.below(20) === 0;
    if (!keep) this.#messages.splice(position, 1);
    const isLost = this.#cut.has(`${message.from}>${message.to}`) || this.#random.below(30) === 0;
    return isLost ? undefined : message;
  }

  /** Everything that is under way. */
  takeAll(): readonly Message[] {
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }

  /** A third of the members is cut off from the others, or nobody. */
  changePartition(ids: readonly bigint[]): void {
    this.#cut = new Set();
    if (this.#random.below(2) === 0) return;
    const loser = this.#random.below(3);
    for (const from of ids) {
      for (const to of ids) {
        const apart = (Number(from) % 3 === loser) !== (Number(to) % 3 === loser);
        if (apart) this.#cut.add(`${from}>${to}`);
      }
    }
  }

  mend(): void {
    this.#cut = new Set();
  }
}
