import type { RevisionBatch } from '../../store/index.js';

/**
 * Revisions that were applied and not yet told. Applying only notes them; the loop drains them when
 * no step is under way. So a subscriber that writes from inside its callback cannot make another
 * see revision 10 before revision 9.
 */
export class Outbox {
  readonly #deliver: (batch: RevisionBatch) => void;
  #waiting: RevisionBatch[] = [];

  constructor(deliver: (batch: RevisionBatch) => void) {
    this.#deliver = deliver;
  }

  add(batch: RevisionBatch): void {
    this.#waiting.push(batch);
  }

  /** Delivers what waits, in order. */
  drain(): void {
    const batches = this.#waiting;
    if (batches.length === 0) return;
    this.#waiting = [];
    for (const batch of batches) this.#deliver(batch);
  }
}
