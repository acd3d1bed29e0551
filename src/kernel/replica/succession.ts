/**
 * What a member makes of the news that the process of a peer has ended. If that peer leads, raft
 * forgets it, and this member campaigns when its turn comes: at once for the first of the voters, a
 * moment later for each further one, so that the first has won before the second begins. The news
 * may be wrong: whatever is done here is safe with any news at any time, and does nothing to a
 * leader that others hear.
 */
import type { Clock, Timer } from '../../ports/clock.js';
import type { Network } from '../../ports/network.js';
import type { Trace } from '../../ports/trace.js';
import type { Raft } from '../raft/raft.js';

export interface SuccessionOptions {
  readonly raft: Raft;
  readonly network: Network;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly heartbeatMs: number;
  readonly wake: () => void;
}

/**
 * Heartbeats from one member's turn to the next one's: its question must be there by then. A
 * heartbeat is about as long as the way to a member and back, or longer.
 */
const TURN_HEARTBEATS = 0.5;

export class Succession {
  readonly #options: SuccessionOptions;
  /** Peers whose end was told and not looked at yet; each once. */
  readonly #gone = new Set<bigint>();
  #timer: Timer | undefined;
  #isDue = false;

  constructor(options: SuccessionOptions) {
    this.#options = options;
    options.network.onGone?.((peer) => {
      this.#gone.add(peer);
      options.wake();
    });
  }

  /** One turn of the loop, after all frames that have arrived. */
  run(): void {
    const { raft } = this.#options;
    if (this.#isDue) {
      this.#isDue = false;
      raft.succeed();
    }
    for (const peer of this.#gone) if (raft.leaderGone(peer)) this.#wait(peer);
    this.#gone.clear();
  }

  #wait(leader: bigint): void {
    const { raft, clock, trace, heartbeatMs, wake } = this.#options;
    const fields = { leader: leader.toString(16), term: raft.term };
    trace.event('info', 'the process that leads has ended', fields);
    this.#timer?.cancel();
    const rank = this.#rank(leader);
    if (rank === 0) {
      raft.succeed();
      return;
    }
    this.#timer = clock.timer(rank * TURN_HEARTBEATS * heartbeatMs, () => {
      this.#isDue = true;
      wake();
    });
  }

  /** How many voters have their turn before this one. */
  #rank(leader: bigint): number {
    const { id, confState } = this.#options.raft;
    const voters = new Set([...confState.voters, ...confState.votersOutgoing]);
    return [...voters].filter((other) => other < id && other !== leader).length;
  }

  close(): void {
    this.#timer?.cancel();
    this.#gone.clear();
  }
}
