import { LIMITS } from '../../store/index.js';

/** How patient a member is with its peers, in milliseconds; tests are less patient. */
export interface PeerTiming {
  readonly dialMs: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  readonly pingMs: number;
  readonly pingTimeoutMs: number;
  /** Time between two measurements of the way to a peer and back. */
  readonly probeMs: number;
}

export const PEER_TIMING: PeerTiming = {
  dialMs: LIMITS.peerDialMs,
  backoffFirstMs: LIMITS.peerBackoffFirstMs,
  backoffMaxMs: LIMITS.peerBackoffMaxMs,
  pingMs: LIMITS.peerPingMs,
  pingTimeoutMs: LIMITS.peerPingTimeoutMs,
  probeMs: LIMITS.peerProbeMs,
};
