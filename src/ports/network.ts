/**
 * Frames between the members of one cluster. A frame may be lost, and sending never waits: Raft
 * sends again what matters.
 */
export interface Network {
  /** Hands a frame to the member `to`, or drops it. */
  send(to: bigint, frame: Uint8Array): void;
  /** Called for each frame that arrives. Set once, before the first frame. */
  onFrame(receive: (from: bigint, frame: Uint8Array) => void): void;
}
