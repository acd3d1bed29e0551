/**
 * All that a member has to do with the others, put together: the link and the desk, forwarding,
 * calls, states, and the changes of who takes part. It says to the network who there is, and ends a
 * member that was removed.
 */
import type { Clock } from '../../ports/clock.js';
import type { Network, PeerAddress } from '../../ports/network.js';
import type { Trace } from '../../ports/trace.js';
import { LIMITS, type StoreError } from '../../store/index.js';
import type { Members } from '../apply/members.js';
import { writeChallenge, writeTaken } from '../codec/peer-body.js';
import type { Raft } from '../raft/raft.js';
import { NOBODY } from '../raft/types.js';
import { ForwardReceiver } from './forward-receiver.js';
import { ForwardSender } from './forward-sender.js';
import type { Origin } from './identity.js';
import { MemberRefusedError } from './member-refused-error.js';
import { MemberService } from './member-service.js';
import { Membership } from './membership.js';
import { PeerCalls } from './peer-calls.js';
import { PeerDesk } from './peer-desk.js';
import { PeerLink } from './peer-link.js';
import type { ReplicaProbe } from './probe.js';
import type { ReplicaSettings } from './settings.js';
import type { SnapshotHooks, SnapshotHooksFactory } from './snapshot-hooks.js';
import { Succession } from './succession.js';
import type { Transfer } from './transfer.js';

export interface PeersOptions {
  readonly origin: Origin;
  readonly startNonce: bigint;
  readonly network: Network;
  readonly raft: Raft;
  readonly members: Members;
  readonly settings: ReplicaSettings;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly requestMs: number;
  readonly snapshots: SnapshotHooksFactory;
  readonly transfer: Transfer;
  readonly probe?: ReplicaProbe;
  readonly afterFlush: (take: () => void) => void;
  readonly applied: () => number;
  /** Another state was put in the place of this member's. */
  readonly replaced: () => void;
  readonly fail: (error: unknown) => void;
  readonly wake: () => void;
}

/** Election timeouts in which the others campaign once at least, and are answered. */
const LEADERLESS_STAY_ELECTIONS = 3;

export class Peers {
  readonly link: PeerLink;
  readonly calls: PeerCalls;
  readonly sender: ForwardSender;
  readonly snapshots: SnapshotHooks;
  readonly membership: Membership;
  readonly service: MemberService;
  readonly desk: PeerDesk;
  readonly #succession: Succession;
  readonly #options: PeersOptions;
  /** Who had been removed when this start began: where they still are, they call and are told. */
  readonly #goneBefore: ReadonlySet<bigint>;
  #removedAtMs: number | undefined;
  #spokeAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PeersOptions) {
    const { raft, members, settings, clock, origin, wake } = options;
    const { memberId } = origin.identity;
    this.#options = options;
    this.#goneBefore = new Set(members.removed().map(({ id }) => id));
    this.link = new PeerLink({ ...options, identity: origin.identity, peers: members });
    this.calls = new PeerCalls({
      clock,
      startNonce: options.startNonce,
      sendCall: (to, body) => this.link.send('call', to, body, 'urgent'),
      sendAnswer: (to, body) => this.link.send('answer', to, body, 'urgent'),
    });
    this.sender = new ForwardSender((leader, body) =>
      this.link.send('forward', leader, body, 'log'),
    );
    this.snapshots = this.#makeSnapshots();
    this.membership = new Membership({
      memberId,
      startNonce: options.startNonce,
      raft,
      members,
      rules: {
        isStrict: settings.strictReconfigCheck ?? true,
        learnersMax: settings.learnersMax ?? LIMITS.learners,
      },
      joinsJointly: settings.joinsJointly ?? false,
      isConnected: (id) => id === memberId || this.#isConnected(id),
      wake,
    });
    this.service = new MemberService({
      ...options,
      membership: this.membership,
      calls: this.calls,
      timeoutMs: options.requestMs,
    });
    this.#succession = new Succession(options);
    this.desk = new PeerDesk({
      ...options,
      probe: options.probe,
      link: this.link,
      calls: this.calls,
      sender: this.sender,
      receiver: new ForwardReceiver({
        propose: (payloads) => raft.propose(payloads).accepted,
        answer: (to, taken) => this.link.send('taken', to, writeTaken(taken), 'urgent'),
      }),
      snapshots: this.snapshots,
      succession: this.#succession,
      isMember: (id) => this.#isMember(id),
      removed: () => this.#removed(),
    });
  }

  #makeSnapshots(): SnapshotHooks {
    const { raft, snapshots, afterFlush, applied, replaced, fail, wake, origin } = this.#options;
    return snapshots({
      send: (to, body, lane) => this.link.send('snapshot', to, body, lane),
      reported: (to, ok) => {
        raft.snapshotReported(to, ok);
        wake();
      },
      arrived: (from, term, mark) => {
        raft.step({ kind: 'snapshot', from, to: origin.identity.memberId, term, mark });
        wake();
      },
      afterFlush,
      applied,
      replaced,
      fail,
      wake,
    });
  }

  /** A member that joins has no table yet, only what it was told at its start. */
  #isMember(id: bigint): boolean {
    const { members, origin } = this.#options;
    if (members.isRemoved(id)) return false;
    return members.get(id) !== undefined || origin.members.some((member) => member.id === id);
  }

  #isConnected(id: bigint): boolean {
    const heardAtMs = this.link.gate.heardAtMs(id);
    if (heardAtMs === undefined) return false;
    return this.#options.clock.monotonic() - heardAtMs < this.#options.electionMs;
  }

  /** The members have changed, or may have: the network learns who there is. */
  changed(): void {
    const { network, members, origin } = this.#options;
    const { memberId } = origin.identity;
    network.setPeers(this.#addresses());
    if (members.isRemoved(memberId)) this.#removed();
  }

  /** It may be told so before it reads it in its own log, or never read it there. */
  #removed(): void {
    this.#removedAtMs ??= this.#options.clock.monotonic();
    this.service.removedSelf();
  }

  /**
   * Everyone else; those too who were removed since this start, to be told so, unless somebody new
   * lives there. A member that joins knows only what it was told, until it has the cluster's own
   * records.
   */
  #addresses(): readonly PeerAddress[] {
    const { members, origin } = this.#options;
    const listed = members.list();
    const known = listed.length > 0 ? listed : origin.members;
    const taken = new Set(known.flatMap(({ peerUrls }) => peerUrls));
    const gone = members
      .removed()
      .filter(({ id }) => !this.#goneBefore.has(id))
      .filter(({ peerUrls }) => peerUrls.length > 0 && !peerUrls.some((url) => taken.has(url)))
      .slice(-LIMITS.peerRemovedAddresses);
    return [...known, ...gone]
      .filter(({ id }) => id !== origin.identity.memberId)
      .map(({ id, peerUrls }) => ({ id, urls: peerUrls }));
  }

  /**
   * A removed member stays for an election's time, so that who leads hears of it in peace, and
   * whoever asked this member for it has an answer. Where it knows of nobody who leads it stays
   * longer: the only one that knows the change to be committed may be itself, and the others need
   * its voice before they can do without.
   */
  tick(nowMs: number): void {
    const { electionMs, fail, raft } = this.#options;
    this.#speakUp(nowMs);
    if (this.#removedAtMs === undefined) return;
    const stayMs = raft.leader === NOBODY ? LEADERLESS_STAY_ELECTIONS * electionMs : electionMs;
    if (nowMs - this.#removedAtMs >= stayMs) fail(new MemberRefusedError('removed'));
  }

  /**
   * Who has no vote never asks for one. Were it removed unheard, nobody would have anything to
   * answer; so where nobody is heard it gives a sign of life that means nothing, now and then.
   */
  #speakUp(nowMs: number): void {
    const { electionMs, raft, startNonce } = this.#options;
    if (raft.promotable || nowMs - this.#spokeAtMs < electionMs) return;
    const others = this.#addresses();
    if (others.some(({ id }) => this.#isConnected(id))) return;
    this.#spokeAtMs = nowMs;
    const sign = writeChallenge({ startNonce, token: 0n });
    for (const { id } of others) this.link.send('alive', id, sign, 'urgent');
  }

  close(error: StoreError): void {
    this.snapshots.stop();
    this.#succession.close();
    this.calls.close(error);
    this.membership.close(error);
    this.service.close(error);
    this.link.close();
  }
}
