/**
 * Decides whose frames are listened to. A frame must come from this cluster, be meant for this
 * member, and come from a member that was not removed, that still has the directory which the
 * cluster knows, and that runs once. Who is turned away is told why, but not often. It remembers
 * when each member was heard. It sends nothing itself and steps nothing.
 */
import type { Frame } from '../codec/peer-frame.js';
import type { Refusal } from '../codec/peer-body.js';
import { LIMITS } from '../../store/index.js';
import type { Identity } from './identity.js';

/** What the table of members says of a peer. */
export interface KnownPeers {
  isRemoved(id: bigint): boolean;
  /** 0n as long as the member has not published itself. */
  directoryNonceOf(id: bigint): bigint;
}

export interface PeerGateOptions {
  readonly identity: Identity;
  readonly peers: KnownPeers;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** Tells the sender of a frame that it is not listened to. */
  readonly refuse: (to: bigint, startNonce: bigint, reason: Refusal) => void;
  /** Asks the process of `startNonce` for a sign of life. */
  readonly challenge: (to: bigint, startNonce: bigint, token: bigint) => void;
  /** Something that an operator should know. */
  readonly warn: (reason: Refusal | 'wrong-member', from: bigint) => void;
}

/** Another start of a member that was heard a moment ago: it waits until the first is silent. */
interface Newcomer {
  readonly startNonce: bigint;
  readonly sinceMs: number;
  askedAtMs: number;
}

interface Peer {
  startNonce: bigint;
  heardAtMs: number;
  /** As heard; counts until the table of members has one. */
  directoryNonce: bigint;
  newcomer: Newcomer | undefined;
  /** Starts that are not listened to any more. */
  readonly refused: Map<bigint, Refusal>;
}

/** Heartbeats of silence after which the other start of a member counts as gone. */
const SILENT_HEARTBEATS = 3;

export class PeerGate {
  readonly #options: PeerGateOptions;
  /** Who was let in; in the order in which they were first heard. */
  readonly #peers = new Map<bigint, Peer>();
  /** When somebody was told last that he is not let in. */
  readonly #refusedAtMs = new Map<bigint, number>();
  #token = 0n;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PeerGateOptions) {
    this.#options = options;
  }

  /** Milliseconds of monotonic time when `id` was heard last; undefined for never. */
  heardAtMs(id: bigint): number | undefined {
    return this.#peers.get(id)?.heardAtMs;
  }

  /** Whether the frame is listened to. */
  admits(frame: Frame, nowMs: number): boolean {
    const { identity, peers } = this.#options;
    const { memberId: from, clusterId, directoryNonce } = frame.origin;
    if (from === identity.memberId || from === 0n) return false;
    if (frame.to !== identity.memberId) {
      this.#warn('wrong-member', from, nowMs);
      return false;
    }
    if (clusterId !== identity.clusterId) return this.#refuse(frame, 'wrong-cluster', nowMs);
    if (peers.isRemoved(from)) return this.#refuse(frame, 'removed', nowMs);
    const heard = this.#peers.get(from);
    const published = peers.directoryNonceOf(from);
    const known = published === 0n ? heard?.directoryNonce : published;
    if (known !== undefined && directoryNonce !== known) {
      return this.#refuse(frame, 'amnesia', nowMs);
    }
    return this.#runsOnce(frame, heard ?? this.#newPeer(frame, nowMs), nowMs);
  }

  /** A sign of life that was asked for: the newcomer is a second process. */
  alive(from: bigint, startNonce: bigint, token: bigint): void {
    const peer = this.#peers.get(from);
    if (peer?.newcomer === undefined || peer.startNonce !== startNonce) return;
    if (token !== this.#token) return;
    const { startNonce: second } = peer.newcomer;
    peer.newcomer = undefined;
    this.turnAway(from, second, 'duplicate');
  }

  /** A start of a member was found out: from now on it is refused. */
  turnAway(id: bigint, startNonce: bigint, reason: Refusal): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.refused.set(startNonce, reason);
    if (peer.refused.size > LIMITS.peerRefusedStarts) this.#forgetOne(peer.refused);
    this.#options.refuse(id, startNonce, reason);
  }

  #newPeer(frame: Frame, nowMs: number): Peer {
    const { memberId, startNonce, directoryNonce } = frame.origin;
    const peer: Peer = {
      startNonce,
      heardAtMs: nowMs,
      directoryNonce,
      newcomer: undefined,
      refused: new Map(),
    };
    this.#peers.set(memberId, peer);
    if (this.#peers.size > LIMITS.peerMemory) this.#forgetOne(this.#peers);
    return peer;
  }

  #forgetOne(entries: Map<bigint, unknown>): void {
    for (const oldest of entries.keys()) {
      entries.delete(oldest);
      return;
    }
  }

  /**
   * A second start is held back while the first was heard lately, until that one has shown that it
   * lives (then the second is refused) or has stayed silent. A frame alone shows nothing: it may be
   * late.
   */
  #runsOnce(frame: Frame, peer: Peer, nowMs: number): boolean {
    const { heartbeatMs, electionMs, challenge } = this.#options;
    const { memberId, startNonce } = frame.origin;
    const refusal = peer.refused.get(startNonce);
    if (refusal !== undefined) return this.#refuse(frame, refusal, nowMs);
    if (startNonce === peer.startNonce) {
      peer.heardAtMs = nowMs;
      return true;
    }
    const wasHeard = nowMs - peer.heardAtMs < electionMs;
    const newcomer = peer.newcomer;
    if (wasHeard && newcomer?.startNonce !== startNonce) {
      this.#token++;
      peer.newcomer = { startNonce, sinceMs: nowMs, askedAtMs: nowMs };
      challenge(memberId, peer.startNonce, this.#token);
      return false;
    }
    if (wasHeard && newcomer !== undefined) {
      if (nowMs - newcomer.sinceMs < SILENT_HEARTBEATS * heartbeatMs) {
        if (nowMs - newcomer.askedAtMs >= heartbeatMs) {
          newcomer.askedAtMs = nowMs;
          challenge(memberId, peer.startNonce, this.#token);
        }
        return false;
      }
    }
    peer.startNonce = startNonce;
    peer.heardAtMs = nowMs;
    peer.newcomer = undefined;
    return true;
  }

  #refuse(frame: Frame, reason: Refusal, nowMs: number): false {
    const { memberId, startNonce } = frame.origin;
    // An answer to a refusal would be answered again.
    if (frame.kind === 'refused') return false;
    this.#warn(reason, memberId, nowMs);
    const toldMs = this.#refusedAtMs.get(memberId) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - toldMs < this.#options.heartbeatMs) return false;
    this.#refusedAtMs.delete(memberId);
    this.#refusedAtMs.set(memberId, nowMs);
    if (this.#refusedAtMs.size > LIMITS.peerMemory) this.#forgetOne(this.#refusedAtMs);
    this.#options.refuse(memberId, startNonce, reason);
    return false;
  }

  #warn(reason: Refusal | 'wrong-member', from: bigint, nowMs: number): void {
    if (nowMs - this.#warnedAtMs < LIMITS.peerWarningMs) return;
    this.#warnedAtMs = nowMs;
    this.#options.warn(reason, from);
  }
}
