import type { SimBackend } from '../sim-backend.js';
import type { SimDisk } from '../sim-disk.js';

/**
 * - `down`: no process. `starting`: opening its files. `up`: serving.
 * - `stopped`: it ended by itself, and whoever runs it must decide what to do.
 */
export type MemberState = 'down' | 'starting' | 'up' | 'stopped';

/** How a process ends: killed, its files as it wrote them; or with the power of its machine. */
export type EndKind = 'kill' | 'power';

/** A copy of a member's directory, as somebody could have made one. */
export interface MemberCopy {
  readonly disk: SimDisk;
  readonly backend: SimBackend;
}

/** What sets a process apart that is no member of the cluster and speaks to it all the same. */
export interface OutsiderTraits {
  /** Of its machine. */
  readonly name: string;
  readonly clusterId: bigint;
}

/** How one start of a member differs from the others. */
export interface StartTraits {
  /** Drops all other members, whatever its log says of them. */
  readonly forceNewCluster?: boolean;
}
