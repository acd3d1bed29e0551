import { isStoreError, LIMITS } from '../store/index.js';
import { CLUSTER_METHODS } from '../wire/cluster.js';
import type { ClientContext } from './context.js';
import { type Endpoint, parseEndpoints } from './endpoint.js';
import { ONCE, type UnaryCalls } from './unary.js';

/**
 * Learns the members of the cluster as endpoints, and forgets those that left it. Learners serve no
 * calls and are no endpoints. What a caller named itself is never forgotten.
 */
export class MemberSync {
  readonly #context: ClientContext;
  readonly #calls: UnaryCalls;

  constructor(context: ClientContext, calls: UnaryCalls) {
    this.#context = context;
    this.#calls = calls;
  }

  /** Asks once, and then now and then until the client closes. Never rejects. */
  async begin(): Promise<void> {
    const { lifetime, clock } = this.#context;
    await this.#ask();
    if (lifetime.closed) return;
    clock.timer(LIMITS.clientMemberSyncMs, () => void this.begin());
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
