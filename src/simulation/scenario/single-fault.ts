import type { FaultName } from '../faults/faults.js';
import type { Scenario } from './scenario.js';

/** Members have to fetch whole states, in many pieces. */
const SMALL_STATES: Partial<Scenario> = {
  callsPerSecond: 50,
  settings: { snapshotEntries: 10, snapshotCatchUpEntries: 0, snapshotPieceBytes: 512 },
};

/** What a fault needs to show itself when it is alone. */
export const SINGLE_FAULTS: Readonly<Partial<Record<FaultName, Partial<Scenario>>>> = {
  M3: { members: 5 },
  // One member may lose its directory, so that runs are short; and its log is ahead of its rows.
  D6: {
    seconds: 10,
    calmMaxMs: 1500,
    callsPerSecond: 60,
    settings: { backendBatchMs: 1000, backendBatchRows: 1000 },
  },
  D9: SMALL_STATES,
  D9b: SMALL_STATES,
  D17: SMALL_STATES,
  N2b: { workloads: ['kv'], callsPerSecond: 40, calmMaxMs: 1500 },
  N7b: { workloads: ['kv', 'lease'], calmMaxMs: 1500 },
  // A state that is moved in a few big pieces, slowly, and is not out of date when it is there.
  N10: {
    settings: { snapshotEntries: 20, snapshotCatchUpEntries: 60, snapshotPieceBytes: 262_144 },
  },
  // Less than the history takes between two compactions.
  O7: { callsPerSecond: 50, settings: { quotaBytes: 6500 } },
};
