import type { ReplicaSettings } from '../../kernel/index.js';
import type { FaultName } from '../faults/faults.js';
import type { WorkloadName } from '../workloads/workloads.js';

/** A run as data: who is there, what they do, and what happens to them. */
export interface Scenario {
  readonly name: string;
  readonly members: number;
  /** How long faults are injected, in simulated seconds; the way back comes on top. */
  readonly seconds: number;
  readonly workloads: readonly WorkloadName[];
  /** A seed plays so many of the workloads, whichever it says; absent: all of them. */
  readonly workloadCount?: number;
  /** What may happen; a seed of a swarm takes some of it. */
  readonly faults: readonly FaultName[];
  readonly isSwarm: boolean;
  readonly callsPerSecond: number;
  /** Longest calm between two bursts of faults, in milliseconds. */
  readonly calmMaxMs: number;
  /** One member, whichever the seed says, ends at this call of its ports; 1 is the next one. */
  readonly endsAtCall?: number;
  /** Settings of members that are not left to chance. */
  readonly settings?: Partial<ReplicaSettings>;
}
