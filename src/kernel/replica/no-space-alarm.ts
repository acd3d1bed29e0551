import type { Alarms } from '../apply/alarms.js';
import type { Proposals } from './proposals.js';

export interface NoSpaceAlarmOptions {
  readonly alarms: Alarms;
  readonly memberId: bigint;
  /** False for a member that has nobody to tell, and nobody who would clear the alarm. */
  readonly raisesNoSpace?: boolean;
}

/**
 * The alarm by which a member tells all others that it has no room, so that nobody takes writes any
 * more. However many ask for it at once, it goes into the log once. It stays until an operator
 * clears it; this never does.
 */
export class NoSpaceAlarm {
  readonly #proposals: Proposals;
  readonly #options: NoSpaceAlarmOptions;
  #raising: Promise<void> | undefined;

  constructor(proposals: Proposals, options: NoSpaceAlarmOptions) {
    this.#proposals = proposals;
    this.#options = options;
  }

  /**
   * Resolves when some member's alarm is raised, or none is wanted.
   * @throws StoreError what became of the proposal: `Timeout`, `Stopped`
   */
  raise(): Promise<void> {
    const { alarms, raisesNoSpace } = this.#options;
    if (raisesNoSpace === false || alarms.isRaised('nospace')) return Promise.resolve();
    this.#raising ??= this.#propose().finally(() => {
      this.#raising = undefined;
    });
    return this.#raising;
  }

  async #propose(): Promise<void> {
    const { memberId } = this.#options;
    const action = 'activate';
    await this.#proposals.submitOwn({ kind: 'alarm', action, memberId, alarm: 'nospace' });
  }
}
