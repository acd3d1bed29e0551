import type { Lane, Network, PeerAddress } from '../../ports/network.js';
import type { SimMachine } from '../sim-machine.js';
import type { SimNetwork } from '../sim-network.js';
import type { SimProcess } from '../sim-process.js';

/** Where a member's wire ends. */
export interface WireEnds {
  readonly network: SimNetwork;
  readonly machine: SimMachine;
  /** Of the member itself. */
  readonly id: bigint;
  /** Whether the others have it in no list of members. */
  readonly isOutsider: boolean;
  readonly nowMs: () => number;
  /** Told that a frame of another member has arrived. */
  readonly heard: (from: bigint) => void;
  /** The wire of the member that answers at a peer address. */
  readonly wireAt: (url: string) => MemberWire | undefined;
}

/**
 * A member's frames on their way to and from the others, over all its lives. It sends to the
 * addresses that the kernel was told, and back to whoever called without being in them. It counts
 * pieces of states, for whoever wants to disturb a transfer; it looks into no frame.
 */
export class MemberWire {
  /** What becomes of a frame with a piece of a state on its way to this member. */
  harmPiece: ((frame: Uint8Array) => Uint8Array) | undefined;
  readonly #ends: WireEnds;
  readonly #callers = new Map<bigint, MemberWire>();
  #receive: ((frame: Uint8Array) => void) | undefined;
  #gone: ((peer: bigint) => void) | undefined;
  #piecesReceived = 0;
  #pieceAtMs = Number.NEGATIVE_INFINITY;

  constructor(ends: WireEnds) {
    this.#ends = ends;
  }

  /** Frames with a piece of a state that reached this member so far. */
  get piecesReceived(): number {
    return this.#piecesReceived;
  }

  /** When the last of them did. */
  get pieceAtMs(): number {
    return this.#pieceAtMs;
  }

  /** The Network port of one life. */
  open(process: SimProcess): Network {
    let peers = new Map<bigint, PeerAddress>();
    this.#callers.clear();
    return {
      send: (to, frame, lane) => {
        if (!process.enter()) return;
        const url = peers.get(to)?.urls[0];
        const target = url === undefined ? this.#callers.get(to) : this.#ends.wireAt(url);
        if (target !== undefined) this.#send(target, frame, lane);
      },
      onFrame: (receive) => {
        if (process.isAlive) this.#receive = receive;
      },
      onGone: (gone) => {
        if (process.isAlive) this.#gone = gone;
      },
      setPeers: (addresses) => {
        peers = new Map(addresses.map((address) => [address.id, address]));
      },
    };
  }

  /** Nobody listens any more. */
  close(): void {
    this.#receive = undefined;
    this.#gone = undefined;
  }

  /** The process has ended: who spoke with it finds nobody who listens, unless there is again. */
  ended(): void {
    const { network, machine, id, isOutsider } = this.#ends;
    // The member that it gives itself out for may be well.
    if (isOutsider) return;
    for (const other of this.#callers.values()) {
      network.processEnded(machine, other.#ends.machine, () => {
        if (this.#receive === undefined) other.#gone?.(id);
      });
    }
  }

  /** This member comes to believe that the process of another one has ended, whatever is so. */
  mislead(about: bigint): void {
    this.#ends.machine.arrive(() => this.#gone?.(about));
  }

  #send(target: MemberWire, frame: Uint8Array, lane: Lane): void {
    const { network, machine } = this.#ends;
    const mark = frame.length * 4 + lane.length;
    const sent = lane === 'bulk' ? (target.harmPiece?.(frame) ?? frame) : frame;
    network.send(machine, target.#ends.machine, () => target.#take(this, sent, lane), {
      mark,
      byteCount: frame.length,
      stream: lane,
    });
  }

  #take(from: MemberWire, frame: Uint8Array, lane: Lane): void {
    if (lane === 'bulk') {
      this.#piecesReceived++;
      this.#pieceAtMs = this.#ends.nowMs();
    }
    // Who was away while another one joined knows no address of it, and must answer it all the
    // same.
    this.#callers.set(from.#ends.id, from);
    if (!from.#ends.isOutsider) this.#ends.heard(from.#ends.id);
    this.#receive?.(frame);
  }
}
