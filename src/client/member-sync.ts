import type { Timer } from '../ports/clock.js';
import { isStoreError, LIMITS } from '../store/index.js';
import { CLUSTER_METHODS } from '../wire/cluster.js';
import type { ClientContext } from './context.js';
import { type Endpoint, parseEndpoints } from './endpoint.js';
import { ONCE, type UnaryCalls } from './unary.js';

/**
 * Learns the members of the cluster as endpoints, and forgets those that left it. Asks now and
 * then, and soon after a member was lost or another came into use: members may have been replaced,
 * and whoever is left knows by whom. Learners serve no calls and are no endpoints. What a caller
 * named itself is never forgotten.
 */
export class MemberSync {
  readonly #context: ClientContext;
  readonly #calls: UnaryCalls;
  #timer: Timer | undefined;
  /** When it asks next, on the clock's monotonic time. */
  #dueMs = Number.POSITIVE_INFINITY;
  #isAsking = false;
  /** Whether something happened that the answer under way may not tell. */
  #isOutdated = false;

  constructor(context: ClientContext, calls: UnaryCalls) {
    this.#context = context;
    this.#calls = calls;
  }

  /** Asks once, and then again and again until the client closes. Never rejects. */
  async begin(): Promise<void> {
    await this.#ask();
    this.#context.connections.onChange(() => this.#changed());
    this.#askWithin(LIMITS.clientMemberSyncMs);
  }

  #changed(): void {
    if (this.#isAsking) this.#isOutdated = true;
    else this.#askWithin(LIMITS.clientMemberSyncSoonMs);
  }

  #askWithin(delayMs: number): void {
    const { lifetime, clock } = this.#context;
    const dueMs = clock.monotonic() + delayMs;
    if (lifetime.closed || dueMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = clock.timer(delayMs, () => void this.#turn());
  }

  async #turn(): Promise<void> {
    this.#isAsking = true;
    this.#isOutdated = false;
    await this.#ask();
    this.#isAsking = false;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#askWithin(this.#isOutdated ? LIMITS.clientMemberSyncSoonMs : LIMITS.clientMemberSyncMs);
  }

  async #ask(): Promise<void> {
    try {
      const { members } = await this.#calls.call(
        CLUSTER_METHODS.memberList,
        { linearizable: false },
        ONCE,
      );
      const voters = members.filter((member) => !member.isLearner);
      this.#context.connections.learn(voters.flatMap(({ clientURLs }) => clientURLs).flatMap(read));
    } catch (error) {
      // Those that are known stay; the next time may go better.
      if (!isStoreError(error)) throw error;
    }
  }
}

/** An address that means nothing to this client is none. */
function read(url: string): readonly Endpoint[] {
  try {
    return parseEndpoints(url);
  } catch (error) {
    if (isStoreError(error, 'InvalidArgument')) return [];
    throw error;
  }
}
