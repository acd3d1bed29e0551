/**
 * What a replica is given, and what follows from its settings: the times that its parts share, and
 * how raft behaves. It builds nothing.
 */
import type { Backend } from '../../ports/backend.js';
import type { Clock } from '../../ports/clock.js';
import type { Disk } from '../../ports/disk.js';
import type { Network } from '../../ports/network.js';
import type { Random } from '../../ports/random.js';
import type { Meter, Trace } from '../../ports/trace.js';
import { LIMITS, type RevisionBatch } from '../../store/index.js';
import type { RaftConfig } from '../raft/config.js';
import type { Bootstrapped } from './bootstrap.js';
import type { Origin } from './identity.js';
import type { ReplicaProbe } from './probe.js';
import type { ReplicaSettings } from './settings.js';
import type { SnapshotHooksFactory } from './snapshot-hooks.js';

export interface ReplicaOptions {
  readonly disk: Disk;
  readonly backend: Backend;
  readonly clock: Clock;
  /** Must be other chance at each start. */
  readonly random: Random;
  readonly trace: Trace;
  readonly meter?: Meter;
  readonly settings: ReplicaSettings;
  /** For a new member; one that has a log keeps what is in it. */
  readonly origin: Origin;
  readonly network: Network;
  readonly probe?: ReplicaProbe;
  readonly forceAlone: boolean;
  /** Given the state and the ports; a member without it can neither send nor take states. */
  readonly snapshots?: (state: Bootstrapped) => SnapshotHooksFactory;
  readonly onProgress?: (rows: number, total: number) => void;
  /** Called with each revision after it was applied, from the loop. */
  readonly onRevision: (batch: RevisionBatch) => void;
  readonly onRoleChange: () => void;
  readonly onFailure: (error: Error) => void;
}

/** The shortest time without a leader after which an election begins. */
export function electionMsOf(settings: ReplicaSettings): number {
  return settings.heartbeatMs * settings.electionTicks;
}

/** How long callers wait; etcd's rule. */
export function requestMsOf(settings: ReplicaSettings): number {
  return LIMITS.requestBaseMs + 2 * electionMsOf(settings);
}

/** How raft behaves in a member with these settings. */
export function raftConfigOf(options: ReplicaOptions, id: bigint): RaftConfig {
  const random = options.random.split('election');
  return {
    id,
    electionTicks: options.settings.electionTicks,
    heartbeatTicks: 1,
    preVote: true,
    checkQuorum: true,
    maxMessageBytes: options.settings.raftMessageBytes ?? LIMITS.raftMessageBytes,
    maxInflightMessages: options.settings.raftInflightMessages ?? LIMITS.raftInflightMessages,
    maxInflightBytes: LIMITS.raftInflightBytes,
    maxUncommittedBytes: LIMITS.raftUncommittedBytes,
    electionJitter: (bound) => random.below(bound),
  };
}
