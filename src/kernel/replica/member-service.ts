/**
 * Changes of the members as any member takes them: they are brought to the leader, wherever it is,
 * and waited for until they are applied here too. What was certainly not done is tried again, as
 * long as there is time; what may have been done is not.
 */
import type { Clock, Timer } from '../../ports/clock.js';
import { isStoreError, StoreError } from '../../store/index.js';
import { ByteReader, ByteWriter } from '../codec/bytes.js';
import {
  type ChangeOrigin,
  type MemberChange,
  readChangeOrigin,
  readMemberChange,
  writeChangeOrigin,
  writeMemberChange,
} from '../codec/conf-change-codec.js';
import type { Raft } from '../raft/raft.js';
import type { Membership } from './membership.js';
import type { PeerCalls } from './peer-calls.js';
import type { Transfer } from './transfer.js';

export interface MemberServiceOptions {
  readonly raft: Raft;
  readonly membership: Membership;
  readonly calls: PeerCalls;
  readonly transfer: Pick<Transfer, 'stepAside'>;
  readonly clock: Clock;
  readonly heartbeatMs: number;
  readonly timeoutMs: number;
}

const CALL_NAME = 'members';
const NOTHING = new Uint8Array(0);

interface Pause {
  readonly timer: Timer;
  readonly reject: (error: StoreError) => void;
}

export class MemberService {
  readonly #options: MemberServiceOptions;
  readonly #pauses = new Set<Pause>();
  /** Who asked for this very member to be removed. */
  readonly #ownRemovals = new Set<() => void>();

  constructor(options: MemberServiceOptions) {
    this.#options = options;
    options.calls.handle(CALL_NAME, async (_from, body) => {
      const reader = new ByteReader(body);
      const term = reader.varint();
      const origin = readChangeOrigin(reader);
      const change = readMemberChange(reader);
      reader.end();
      await this.#propose(change, origin, term);
      return NOTHING;
    });
  }

  /**
   * Resolves when the change is applied on this member.
   * @throws StoreError what etcd refuses such a change with, `Timeout`
   */
  async change(change: MemberChange): Promise<void> {
    const { clock, timeoutMs } = this.#options;
    const deadlineMs = clock.monotonic() + timeoutMs;
    for (;;) {
      const leftMs = deadlineMs - clock.monotonic();
      if (leftMs <= 0) throw new StoreError('Timeout');
      try {
        await this.#try(change, leftMs);
        return;
      } catch (error) {
        if (!mayTryAgain(error)) throw error;
      }
      await this.#pause();
    }
  }

  /**
   * The leader says whether it took the change; what became of it is read in the own log, for the
   * answer may be lost, or come from a member that this very change has removed.
   */
  async #try(change: MemberChange, leftMs: number): Promise<void> {
    const { raft, membership } = this.#options;
    const { leader, term } = raft;
    if (leader === 0n) throw new StoreError('NotLeader');
    const origin = membership.nextOrigin();
    const outcome = membership.outcomeOf(origin, term);
    const refused = new Promise<never>((_resolve, reject) => {
      this.#bring(change, origin, leftMs).catch(reject);
    });
    const late = this.#late(leftMs);
    let told = (): void => undefined;
    const removed = new Promise<void>((resolve) => {
      told = resolve;
    });
    if (change.kind === 'remove' && change.id === raft.id) this.#ownRemovals.add(told);
    try {
      await Promise.race([outcome, refused, removed, late.promise]);
    } finally {
      late.cancel();
      this.#ownRemovals.delete(told);
      membership.forget(origin);
    }
  }

  /** This member was removed: nothing may come of its own log any more, and nothing has to. */
  removedSelf(): void {
    for (const told of this.#ownRemovals) told();
  }

  /** @throws StoreError with which the leader refused the change; nothing was done then */
  async #bring(change: MemberChange, origin: ChangeOrigin, leftMs: number): Promise<void> {
    const { raft, calls } = this.#options;
    const { leader, term } = raft;
    if (leader === raft.id) {
      await this.#propose(change, origin, term);
      return;
    }
    const writer = new ByteWriter(128).varint(term);
    writeChangeOrigin(writer, origin);
    writeMemberChange(writer, change);
    await calls.call(leader, CALL_NAME, writer.finish(), leftMs);
  }

  /**
   * Puts a change into the own log. A leader that is to go hands over first, so that nobody is
   * without one, and its successor is asked; where nobody takes over it does it itself.
   * @throws StoreError as {@link Membership.propose}
   */
  async #propose(change: MemberChange, origin: ChangeOrigin, term: number): Promise<void> {
    const { raft, membership, transfer } = this.#options;
    if (change.kind === 'remove' && change.id === raft.id) {
      membership.check(change, term);
      await transfer.stepAside();
    }
    membership.propose(change, origin, term);
  }

  #late(ms: number): { readonly promise: Promise<never>; readonly cancel: () => void } {
    let cancel = (): void => undefined;
    const promise = new Promise<never>((_resolve, reject) => {
      const timer = this.#options.clock.timer(ms, () => reject(new StoreError('Timeout')));
      cancel = () => timer.cancel();
    });
    return { promise, cancel };
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
}

/** Whether the change was certainly not made, for a reason that may be gone soon. */
function mayTryAgain(error: unknown): boolean {
  return (
    isStoreError(error, 'NotLeader') ||
    isStoreError(error, 'LeaderChanged') ||
    isStoreError(error, 'TooManyRequests')
  );
}
