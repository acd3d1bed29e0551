/**
 * The way to the other members and back: what leaves is put into frames and lanes, what arrives
 * waits, bounded, until the loop asks for it, passes the gate, and goes to whoever deals with its
 * kind. It acts on nothing inside a callback of the network and never throws on what a peer sends.
 */
import type { Clock } from '../../ports/clock.js';
import type { Lane, Network } from '../../ports/network.js';
import type { Trace } from '../../ports/trace.js';
import { LIMITS } from '../../store/index.js';
import { CodecError } from '../codec/bytes.js';
import {
  type Answer,
  type Call,
  type Forward,
  type Pledge,
  type Refusal,
  readAnswer,
  readCall,
  readChallenge,
  readForward,
  readPledges,
  readRefused,
  readTaken,
  type Taken,
  writeChallenge,
  writeRefused,
} from '../codec/peer-body.js';
import { type Frame, type FrameKind, FrameWriter, readFrame } from '../codec/peer-frame.js';
import { decodePeerMessage, encodePeerMessage } from '../codec/peer-message.js';
import type { Message } from '../raft/messages.js';
import type { Identity } from './identity.js';
import { type KnownPeers, PeerGate } from './peer-gate.js';

export interface PeerLinkOptions {
  readonly network: Network;
  readonly identity: Identity;
  readonly startNonce: bigint;
  readonly peers: KnownPeers;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly wake: () => void;
}

/** Who deals with what arrives. Each is called by the loop, between two steps. */
export interface PeerHandlers {
  message(message: Message, startNonce: bigint): void;
  forward(from: bigint, startNonce: bigint, forward: Forward): void;
  taken(from: bigint, taken: Taken): void;
  call(from: bigint, startNonce: bigint, call: Call): void;
  answer(from: bigint, answer: Answer): void;
  snapshot(from: bigint, body: Uint8Array): void;
  pledges(from: bigint, pledges: readonly Pledge[]): void;
  /** Another member turns this one away; `sameCluster` is what both say of theirs. */
  refused(from: bigint, reason: Refusal, sameCluster: boolean): void;
}

/** Appends may be large; everything else that raft says is small, and must not wait. */
function laneOf(message: Message): Lane {
  return message.kind === 'append' ? 'log' : 'urgent';
}

export class PeerLink {
  readonly gate: PeerGate;
  readonly #options: PeerLinkOptions;
  readonly #writer: FrameWriter;
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #closed = false;

  constructor(options: PeerLinkOptions) {
    const { identity, startNonce, network, trace } = options;
    this.#options = options;
    this.#writer = new FrameWriter({ ...identity, startNonce });
    this.gate = new PeerGate({
      ...options,
      refuse: (to, nonce, reason) =>
        this.send('refused', to, writeRefused({ reason, startNonce: nonce }), 'urgent'),
      challenge: (to, nonce, token) =>
        this.send('challenge', to, writeChallenge({ startNonce: nonce, token }), 'urgent'),
      warn: (reason, from) =>
        trace.event('warn', 'frames of a peer turned away', { reason, from: from.toString(16) }),
    });
    network.onFrame((frame) => this.#receive(frame));
  }

  #receive(frame: Uint8Array): void {
    const isFull =
      this.#inbox.length >= LIMITS.peerInboxFrames ||
      this.#inboxBytes + frame.length > LIMITS.peerInboxBytes;
    if (this.#closed || isFull) return;
    this.#inbox.push(frame);
    this.#inboxBytes += frame.length;
    this.#options.wake();
  }

  get hasFrames(): boolean {
    return this.#inbox.length > 0;
  }

  send(kind: FrameKind, to: bigint, body: Uint8Array, lane: Lane): void {
    if (!this.#closed) this.#options.network.send(to, this.#writer.frame(kind, to, body), lane);
  }

  sendMessage(message: Message): void {
    this.send('raft', message.to, encodePeerMessage(message), laneOf(message));
  }

  /** Hands everything that has arrived to the handlers. */
  deliver(handlers: PeerHandlers): void {
    if (this.#inbox.length === 0) return;
    const frames = this.#inbox;
    this.#inbox = [];
    this.#inboxBytes = 0;
    const nowMs = this.#options.clock.monotonic();
    for (const bytes of frames) {
      try {
        this.#dispatch(readFrame(bytes), nowMs, handlers);
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        this.#options.trace.event('debug', 'frame of a peer not understood', {
          reason: error.message,
        });
      }
    }
  }

  #dispatch(frame: Frame, nowMs: number, handlers: PeerHandlers): void {
    if (frame.kind === 'refused') {
      this.#refused(frame, handlers);
      return;
    }
    if (!this.gate.admits(frame, nowMs)) return;
    const { body } = frame;
    const { memberId: from, startNonce } = frame.origin;
    switch (frame.kind) {
      case 'raft': {
        const message = decodePeerMessage(body);
        if (message.from === from) handlers.message(message, startNonce);
        break;
      }
      case 'forward':
        handlers.forward(from, startNonce, readForward(body));
        break;
      case 'taken': {
        const taken = readTaken(body);
        if (taken.startNonce === this.#options.startNonce) handlers.taken(from, taken);
        break;
      }
      case 'call':
        handlers.call(from, startNonce, readCall(body));
        break;
      case 'answer':
        handlers.answer(from, readAnswer(body));
        break;
      case 'snapshot':
        handlers.snapshot(from, body);
        break;
      case 'pledges':
        handlers.pledges(from, readPledges(body));
        break;
      case 'challenge':
        if (readChallenge(body).startNonce === this.#options.startNonce) {
          this.send('alive', from, body, 'urgent');
        }
        break;
      case 'alive':
        this.gate.alive(from, startNonce, readChallenge(body).token);
        break;
    }
  }

  /** Not for the gate: who refuses may well be of another cluster. */
  #refused(frame: Frame, handlers: PeerHandlers): void {
    const { identity, startNonce } = this.#options;
    const refused = readRefused(frame.body);
    if (frame.to !== identity.memberId || refused.startNonce !== startNonce) return;
    const sameCluster = frame.origin.clusterId === identity.clusterId;
    handlers.refused(frame.origin.memberId, refused.reason, sameCluster);
  }

  /** Nothing is sent or taken any more. */
  close(): void {
    this.#closed = true;
    this.#inbox = [];
    this.#inboxBytes = 0;
  }
}
