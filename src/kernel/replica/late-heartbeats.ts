import type { Meter } from '../../ports/trace.js';
import type { Raft } from '../raft/raft.js';

/**
 * Counts what etcd counts as heartbeats that a leader failed to send in time: two of its ticks lay
 * more than two heartbeats apart. It only looks; what a stall means for raft the loop decides.
 */
export class LateHeartbeats {
  readonly #raft: Pick<Raft, 'role' | 'immediateReadIndex'>;
  readonly #heartbeatMs: number;
  readonly #meter: Meter | undefined;
  /** When it last ticked as the leader of others. */
  #ledAtMs: number | undefined;

  constructor(
    raft: Pick<Raft, 'role' | 'immediateReadIndex'>,
    heartbeatMs: number,
    meter: Meter | undefined,
  ) {
    this.#raft = raft;
    this.#heartbeatMs = heartbeatMs;
    this.#meter = meter;
  }

  /** Called with each tick of the member. */
  tick(nowMs: number): void {
    const raft = this.#raft;
    // Who may read without asking anybody has nobody to send heartbeats to.
    const leadsOthers = raft.role === 'leader' && raft.immediateReadIndex() === undefined;
    const beforeMs = this.#ledAtMs;
    this.#ledAtMs = leadsOthers ? nowMs : undefined;
    if (!leadsOthers || beforeMs === undefined) return;
    if (nowMs - beforeMs > 2 * this.#heartbeatMs) this.#meter?.observe('lateHeartbeatCount', 1);
  }
}
