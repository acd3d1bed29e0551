/**
 * Changes of the members as any member takes them: they are brought to the leader, wherever it is,
 * and waited for until they are applied here too. What was certainly not done is tried again, as
 * long as there is time; what may have been done is not.
 */
import type { Clock, Timer } from '../../ports/clock.js';
import { isStoreError, StoreError } from '../../store/index.js';
import { ByteReader, ByteWriter } from '../codec/bytes.js';
import {
  type MemberChange,
  readMemberChange,
  writeMemberChange,
} from '../codec/conf-change-codec.js';
import type { Raft } from '../raft/raft.js';
import type { Membership } from './membership.js';
import type { PeerCalls } from './peer-calls.js';

export interface MemberServiceOptions {
  readonly raft: Raft;
  readonly membership: Membership;
  readonly calls: PeerCalls;
  readonly clock: Clock;
  /** Resolves when the entry at `index` is applied here. */
  readonly reached: (index: number) => Promise<void>;
  readonly heartbeatMs: number;
  readonly timeoutMs: number;
}

const CALL_NAME = 'members';

interface Pause {
  readonly timer: Timer;
  readonly reject: (error: StoreError) => void;
}

export class MemberService {
  readonly #options: MemberServiceOptions;
  readonly #pauses = new Set<Pause>();

  constructor(options: MemberServiceOptions) {
    this.#options = options;
    options.calls.handle(CALL_NAME, async (_from, body) => {
      const reader = new ByteReader(body);
      const change = readMemberChange(reader);
      reader.end();
      const index = await options.membership.propose(change);
      return new ByteWriter(8).varint(index).finish();
    });
  }

  /**
   * Resolves when the change is applied on this member.
   * @throws StoreError as `Membership.propose`, `Timeout`
   */
  async change(change: MemberChange): Promise<void> {
    const { clock, reached, timeoutMs } = this.#options;
    const deadlineMs = clock.monotonic() + timeoutMs;
    for (;;) {
      const leftMs = deadlineMs - clock.monotonic();
      if (leftMs <= 0) throw new StoreError('Timeout');
      try {
        await reached(await this.#try(change, leftMs));
        return;
      } catch (error) {
        if (!mayTryAgain(error)) throw error;
      }
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    const { clock, heartbeatMs } = this.#options;
    return new Promise<void>((resolve, reject) => {
      const timer = clock.timer(heartbeatMs, () => {
        this.#pauses.delete(pause);
        resolve();
      });
      const pause = { timer, reject };
      this.#pauses.add(pause);
    });
  }

  close(error: StoreError): void {
    for (const { timer, reject } of this.#pauses) {
      timer.cancel();
      reject(error);
    }
    this.#pauses.clear();
  }

  /** @returns the index of the entry that changed the members */
  async #try(change: MemberChange, leftMs: number): Promise<number> {
    const { raft, membership, calls } = this.#options;
    if (raft.leader === 0n) throw new StoreError('NotLeader');
    if (raft.leader === raft.id) return await membership.propose(change);
    const writer = new ByteWriter(128);
    writeMemberChange(writer, change);
    const answer = await calls.call(raft.leader, CALL_NAME, writer.finish(), leftMs);
    return new ByteReader(answer).varint();
  }
}

/** Whether the change was certainly not made, for a reason that may be gone soon. */
function mayTryAgain(error: unknown): boolean {
  return (
    isStoreError(error, 'NotLeader') ||
    isStoreError(error, 'LeaderChanged') ||
    isStoreError(error, 'TooManyRequests')
  );
}
