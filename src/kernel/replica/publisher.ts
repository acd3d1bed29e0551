/**
 * Makes this member's name and addresses for clients known to the cluster, and with them its data
 * directory, so that another one under its id is recognised. It tries until the cluster's records
 * say so, which may have to wait for a leader, or for a member that was added to be known at all.
 */
import type { Clock, Timer } from '../../ports/clock.js';
import type { Trace } from '../../ports/trace.js';
import { isStoreError, LIMITS } from '../../store/index.js';
import type { MemberRecord } from '../codec/command.js';
import type { Replica } from './replica.js';

/** Failures that say nothing about the next try. */
const PASSING = ['Timeout', 'TooManyRequests', 'NoLeader', 'NotLeader', 'LeaderChanged'] as const;

export class Publisher {
  readonly #replica: Replica;
  readonly #member: MemberRecord;
  readonly #trace: Trace;
  readonly #clock: Clock;
  #pause: { readonly timer: Timer; readonly end: () => void } | undefined;
  #isClosed = false;

  constructor(replica: Replica, member: MemberRecord, trace: Trace, clock: Clock) {
    this.#clock = clock;
    this.#replica = replica;
    this.#member = { ...member, id: replica.identity.memberId };
    this.#trace = trace;
  }

  /** Resolves when it is known, or the member has ended. */
  async run(): Promise<void> {
    const { proposals, identity } = this.#replica;
    const { directoryNonce } = identity;
    while (!this.#isClosed && !this.#isKnown()) {
      try {
        await proposals.submitOwn({ kind: 'memberPublish', member: this.#member, directoryNonce });
        // Applied, and still unknown: this member is not one of the cluster's, or not any more.
        if (!this.#isKnown()) return;
      } catch (error) {
        const passes = PASSING.some((code) => isStoreError(error, code));
        if (!passes) {
          this.#trace.event('debug', 'member not published', { reason: String(error) });
          return;
        }
        await this.#wait();
      }
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.timer(LIMITS.publishPauseMs, resolve);
      this.#pause = { timer, end: resolve };
    });
  }

  /** Tries no more. */
  close(): void {
    this.#isClosed = true;
    this.#pause?.timer.cancel();
    this.#pause?.end();
  }

  #isKnown(): boolean {
    const { members } = this.#replica.state;
    const { id, name, clientUrls } = this.#member;
    const known = members.get(id);
    return (
      known !== undefined &&
      known.name === name &&
      known.clientUrls.length === clientUrls.length &&
      known.clientUrls.every((url, at) => url === clientUrls[at]) &&
      members.directoryNonceOf(id) === this.#replica.identity.directoryNonce
    );
  }
}
