import type { Alarms } from '../apply/alarms.js';
import type { Proposals } from './proposals.js';

/**
 * The alarm by which a member tells all others that it has no room, so that nobody takes writes any
 * more. However many ask for it at once, it goes into the log once. It stays until an operator
 * clears it; this never does.
 */
export class NoSpaceAlarm {
  readonly #alarms: Alarms;
  readonly #proposals: Proposals;
  readonly #memberId: bigint;
  #raising: Promise<void> | undefined;

  constructor(alarms: Alarms, proposals: Proposals, memberId: bigint) {
    this.#alarms = alarms;
    this.#proposals = proposals;
    this.#memberId = memberId;
  }

  /**
   * Resolves when some member's alarm is raised.
   * @throws StoreError what became of the proposal: `Timeout`, `Stopped`
   */
  raise(): Promise<void> {
    if (this.#alarms.isRaised('nospace')) return Promise.resolve();
    this.#raising ??= this.#propose().finally(() => {
      this.#raising = undefined;
    });
    return this.#raising;
  }

  async #propose(): Promise<void> {
    const memberId = this.#memberId;
    const action = 'activate';
    await this.#proposals.submitOwn({ kind: 'alarm', action, memberId, alarm: 'nospace' });
  }
}
