/**
 * Brings what waits to the log: to this member's own when it leads, to the leader's otherwise.
 * Where neither is possible at the moment everything goes on waiting; a change of leader is no
 * error.
 */
import { StoreError } from '../../store/index.js';
import type { Raft } from '../raft/raft.js';
import { NOBODY } from '../raft/types.js';
import type { ForwardSender } from './forward-sender.js';
import type { Proposals } from './proposals.js';

export class Proposing {
  readonly #raft: Raft;
  readonly #proposals: Proposals;
  readonly #sender: ForwardSender;
  #isStuck = false;

  constructor(raft: Raft, proposals: Proposals, sender: ForwardSender) {
    this.#raft = raft;
    this.#proposals = proposals;
    this.#sender = sender;
  }

  /** Whether something waits that another turn at once could bring further. */
  get isDue(): boolean {
    return !this.#isStuck && this.#proposals.hasWaiting;
  }

  run(): void {
    const raft = this.#raft;
    const leads = raft.role === 'leader';
    this.#sender.follow(leads ? NOBODY : raft.leader, raft.term);
    this.#isStuck = false;
    if (!this.#proposals.hasWaiting) return;
    if (!leads) this.#forward();
    else if (raft.transferee === NOBODY) this.#propose();
    else this.#isStuck = true;
  }

  #propose(): void {
    const payloads = this.#proposals.take(this.#raft.term);
    const result = this.#raft.propose(payloads);
    if (result.accepted) return;
    if (result.reason === 'uncommitted-limit') {
      this.#proposals.refuse(payloads, new StoreError('TooManyRequests'));
      return;
    }
    this.#proposals.giveBack(payloads);
    this.#isStuck = true;
  }

  #forward(): void {
    while (this.#sender.hasRoom && this.#proposals.hasWaiting) {
      for (const payload of this.#proposals.take(this.#raft.term, 1)) this.#sender.push(payload);
    }
    this.#isStuck = this.#proposals.hasWaiting;
  }
}
