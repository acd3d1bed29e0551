/**
 * Frames between the members of one cluster. A frame may be lost, late, doubled or out of order,
 * and sending never waits: whoever needs an answer asks again. A frame says itself who sent it and
 * to which cluster it belongs; a transport adds nothing to that and checks nothing of it.
 */
export interface Network {
  /**
   * Hands a frame to the member `to`, or drops it: when nobody is there, or too much waits. One
   * that is not among the peers is answered on the way by which its own frames came: a member that
   * was away while another one joined knows of it only by these, and has to answer to learn more.
   */
  send(to: bigint, frame: Uint8Array, lane: Lane): void;
  /** Called for each frame that arrives, one at a time. Set once, before the first `setPeers`. */
  onFrame(receive: (frame: Uint8Array) => void): void;
  /**
   * Called with a peer whose process seems to have ended while its machine goes on: its connections
   * were closed, all of them, and nobody listens where it is. A guess, that makes things faster: it
   * may come late, never, or be wrong, and nothing may be unsafe by it. Set once, before the first
   * `setPeers`. A network without it knows of no such thing.
   */
  onGone?(gone: (peer: bigint) => void): void;
  /** Who may be sent to, and where they are; replaces what was said before. */
  setPeers(peers: readonly PeerAddress[]): void;
}

/**
 * Lanes do not wait for each other. `urgent` carries heartbeats, votes and small answers, `log`
 * entries, `bulk` the pieces of snapshots.
 */
export type Lane = 'urgent' | 'log' | 'bulk';

/** A member other than this one. */
export interface PeerAddress {
  readonly id: bigint;
  /** As in the member list; any of them reaches it. */
  readonly urls: readonly string[];
}
