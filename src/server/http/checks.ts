import { STORE_ERROR_TEXT } from '../../store/index.js';
import type { MemberView } from '../member-view.js';

/** What the probes of an orchestrator may ask about a member, by etcd's names. */
export type CheckName =
  | 'data_corruption'
  | 'serializable_read'
  | 'linearizable_read'
  | 'non_learner';

/**
 * The checks behind `/health`, `/livez` and `/readyz`. They read and never write, and every read
 * has a deadline, so that a probe always gets an answer.
 */
export class MemberChecks {
  readonly #view: MemberView;
  readonly #timeoutMs: number;

  constructor(view: MemberView, timeoutMs: number) {
    this.#view = view;
    this.#timeoutMs = timeoutMs;
  }

  async run(name: CheckName): Promise<string | undefined> {
    switch (name) {
      case 'data_corruption':
        return this.alarms().includes('CORRUPT') ? 'alarm activated: CORRUPT' : undefined;
      case 'serializable_read':
        return this.read(true);
      case 'linearizable_read':
        return this.isStopping() ? 'the member is stopping' : this.read(false);
      case 'non_learner':
        return this.#view.kernel.status().isLearner ? 'local node is learner' : undefined;
    }
  }

  /** Raised alarms, in capitals. */
  alarms(): readonly string[] {
    return this.#view.kernel.alarms().map(({ alarm }) => alarm.toUpperCase());
  }

  /** Whether the member is about to stop. */
  isStopping(): boolean {
    return this.#view.draining.aborted;
  }

  hasLeader(): boolean {
    return this.#view.hasLeader;
  }

  /**
   * Reads a little; answers with the error's text when that fails. A read of what is newest ends
   * with the leader, since it would wait for the next one: also where the leader is this member and
   * has not noticed yet that nobody follows it.
   */
  async read(serializable: boolean): Promise<string | undefined> {
    const view = this.#view;
    if (!serializable && !view.hasLeader) return STORE_ERROR_TEXT.NoLeader;
    const end = new AbortController();
    let why: string | undefined;
    const giveUp = (text: string): void => {
      why ??= text;
      end.abort();
    };
    const timer = setTimeout(() => giveUp(STORE_ERROR_TEXT.DeadlineExceeded), this.#timeoutMs);
    const forget = serializable
      ? undefined
      : view.onLeaderLost(() => giveUp(STORE_ERROR_TEXT.NoLeader));
    try {
      const request = { key: '\0', rangeEnd: '\0', limit: 1, keysOnly: true, serializable };
      await view.kernel.store.range(request, { signal: end.signal });
      return undefined;
    } catch (error) {
      return why ?? (error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(timer);
      forget?.();
    }
  }
}
