/**
 * What this member says to others and what it makes of what they say, kind by kind: raft's
 * messages, forwarded proposals, calls, states, refusals. Called by the loop alone.
 */
import type { Clock } from '../../ports/clock.js';
import { type Pledge, type Refusal, writePledges } from '../codec/peer-body.js';
import type { Message } from '../raft/messages.js';
import { membersOf } from '../raft/quorum.js';
import type { Raft } from '../raft/raft.js';
import type { ForwardReceiver } from './forward-receiver.js';
import type { ForwardSender } from './forward-sender.js';
import { MemberRefusedError } from './member-refused-error.js';
import type { PeerCalls } from './peer-calls.js';
import type { PeerHandlers, PeerLink } from './peer-link.js';
import { Pledges } from './pledges.js';
import type { ReplicaProbe } from './probe.js';
import { RolledBack } from './rolled-back.js';
import type { SnapshotHooks } from './snapshot-hooks.js';
import type { Succession } from './succession.js';

export interface PeerDeskOptions {
  readonly raft: Raft;
  readonly link: PeerLink;
  readonly clock: Clock;
  readonly calls: PeerCalls;
  readonly sender: ForwardSender;
  readonly receiver: ForwardReceiver;
  readonly snapshots: SnapshotHooks;
  readonly succession: Succession;
  readonly probe: ReplicaProbe | undefined;
  readonly electionMs: number;
  /** Whether the member is one of this member's cluster, as far as this member knows. */
  readonly isMember: (id: bigint) => boolean;
  /** This member was removed, and the others know. */
  readonly removed: () => void;
  readonly fail: (error: unknown) => void;
}

export class PeerDesk {
  readonly #options: PeerDeskOptions;
  readonly #handlers: PeerHandlers;
  readonly #rolledBack: RolledBack;
  readonly #pledges: Pledges;

  constructor(options: PeerDeskOptions) {
    this.#options = options;
    this.#pledges = new Pledges(options.raft);
    this.#rolledBack = new RolledBack(options.raft, this.#pledges);
    const { raft, calls, sender, receiver, snapshots, probe, link } = options;
    this.#handlers = {
      message: (message, startNonce) => {
        if (message.kind === 'snapshot') return;
        if (this.#rolledBack.showsOwn(message)) {
          options.fail(new MemberRefusedError('amnesia'));
          return;
        }
        if (this.#rolledBack.shows(message, startNonce)) {
          link.gate.turnAway(message.from, startNonce, 'amnesia');
          return;
        }
        raft.step(message);
        probe?.stepped(raft);
      },
      forward: (from, startNonce, forward) =>
        receiver.receive(from, startNonce, forward, this.#leadingTerm()),
      taken: (from, taken) => {
        if (from === raft.leader) sender.taken(taken);
      },
      call: (from, startNonce, call) => calls.receive(from, startNonce, call),
      answer: (from, answer) => calls.answered(from, answer),
      snapshot: (from, body) => snapshots.receive(from, body),
      pledges: (from, pledges) => this.#learn(from, pledges),
      refused: (from, reason, sameCluster) => this.#refused(from, reason, sameCluster),
    };
  }

  #leadingTerm(): number | undefined {
    const { raft } = this.#options;
    return raft.role === 'leader' ? raft.term : undefined;
  }

  get hasFrames(): boolean {
    return this.#options.link.hasFrames;
  }

  /** Takes in what has arrived. */
  deliver(): void {
    this.#options.link.deliver(this.#handlers);
    this.#options.receiver.flush(this.#leadingTerm());
    this.#options.succession.run();
  }

  sendMessage(message: Message): void {
    this.#options.link.sendMessage(message);
  }

  /** Once each heartbeat. */
  tick(): void {
    this.#options.sender.tick();
    this.#tellPledges();
  }

  #tellPledges(): void {
    const pledges = this.#pledges.gather();
    if (pledges === undefined) return;
    const { raft, link } = this.#options;
    const body = writePledges(pledges);
    for (const id of membersOf(raft.confState)) {
      if (id !== raft.id) link.send('pledges', id, body, 'urgent');
    }
  }

  /** Who hears that it held more than it has was given an older copy of its directory. */
  #learn(from: bigint, pledges: readonly Pledge[]): void {
    const { raft, isMember, fail } = this.#options;
    if (!isMember(from)) return;
    this.#pledges.learn(pledges);
    const own = this.#pledges.of(raft.id);
    if (own !== undefined && own.index > raft.lastIndex) fail(new MemberRefusedError('amnesia'));
  }

  /**
   * One member's word is enough where the cluster's own records speak. That the cluster is another
   * one is said by somebody who is not in ours: it counts only for a member that nobody in its own
   * cluster talks to, or one misled member could end all others.
   */
  #refused(from: bigint, reason: Refusal, sameCluster: boolean): void {
    const { isMember, removed, fail } = this.#options;
    if (!isMember(from) || sameCluster === (reason === 'wrong-cluster')) return;
    if (reason === 'wrong-cluster' && this.#isInTouch()) return;
    if (reason === 'removed') removed();
    else fail(new MemberRefusedError(reason));
  }

  #isInTouch(): boolean {
    const { raft, link, clock, electionMs } = this.#options;
    const nowMs = clock.monotonic();
    return [...raft.confState.voters, ...raft.confState.learners].some((id) => {
      const heardAtMs = link.gate.heardAtMs(id);
      return heardAtMs !== undefined && nowMs - heardAtMs < electionMs;
    });
  }
}
