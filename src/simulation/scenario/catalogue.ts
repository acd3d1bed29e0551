import { FAULTS, type FaultName } from '../faults/faults.js';
import type { WorkloadName } from '../workloads/workloads.js';
import type { Scenario } from './scenario.js';
import { SINGLE_FAULTS } from './single-fault.js';

const ALL: readonly WorkloadName[] = ['kv', 'watch', 'lease', 'compact'];
const RECIPES: readonly WorkloadName[] = ['lock', 'election', 'reboots', 'config'];
/** What several share, of which a seed plays some. */
const SHARED: readonly WorkloadName[] = [
  ...(['semaphore', 'readWrite', 'lockSets', 'queue', 'gates', 'counter', 'members'] as const),
  ...(['transfers', 'rebootRules', 'latches'] as const),
];
/** What many read together, or pass together, of which a seed plays some as well. */
const GATHERED: readonly WorkloadName[] = [
  ...(['barriers', 'transactions', 'caches', 'views', 'rollouts'] as const),
];
const SHARED_AT_ONCE = 3;

/** Faults that leave every directory what it was. */
const KIND_FAULTS: readonly FaultName[] = [
  ...(['P1', 'P2', 'P3', 'P4', 'P5', 'P7', 'P9', 'D1', 'D14'] as const),
  ...(['N1', 'N2', 'N3', 'N4', 'N5', 'N6', 'N7', 'N8', 'N9'] as const),
  ...(['T1', 'T2', 'T3', 'T4', 'T5', 'C1', 'C2', 'C4', 'C9', 'C13', 'M5', 'P10'] as const),
];
const DISK_ERRORS: readonly FaultName[] = ['D2', 'D3', 'D3b', 'D4', 'D9', 'D10', 'D16', 'D17'];
const DAMAGE: readonly FaultName[] = ['D6', 'D8', 'D9b', 'D11', 'D12'];
const MEMBERSHIP: readonly FaultName[] = ['M1', 'M2', 'M3', 'M4', 'M7', 'M9', 'M10', 'L4'];
/** Stories of several steps, and what happens to copies of the cluster. */
const STORIES: readonly FaultName[] = [
  ...(['P3b', 'N2b', 'N4b', 'N7b', 'N10', 'M4b', 'M8', 'O4', 'O5'] as const),
];

const BASE: Scenario = {
  name: 'swarm',
  members: 3,
  seconds: 60,
  workloads: ALL,
  faults: [...KIND_FAULTS, ...DISK_ERRORS],
  isSwarm: true,
  callsPerSecond: 20,
  calmMaxMs: 6000,
};

const NAMED: readonly Scenario[] = [
  BASE,
  { ...BASE, name: 'calm', faults: [], isSwarm: false, callsPerSecond: 50 },
  { ...BASE, name: 'one', members: 1 },
  { ...BASE, name: 'five', members: 5 },
  { ...BASE, name: 'seven', members: 7 },
  {
    ...BASE,
    name: 'elections',
    members: 5,
    workloads: ['kv'],
    faults: [
      ...(['P1', 'P2', 'P3', 'P5', 'P10', 'D1'] as const),
      ...(['N1', 'N2', 'N3', 'N4', 'N4b', 'N7', 'N8', 'L4'] as const),
    ],
    calmMaxMs: 1500,
  },
  {
    ...BASE,
    name: 'crashes',
    faults: ['P1', 'P2', 'P5', 'P7', 'D1', 'D2', 'N7'],
    isSwarm: false,
    calmMaxMs: 2000,
  },
  {
    ...BASE,
    name: 'leases',
    workloads: ['lease', 'kv'],
    faults: ['L4', 'P1', 'P3', 'N4', 'N5', 'N7', 'T3', 'T4'],
    seconds: 90,
  },
  { ...BASE, name: 'membership', faults: [...KIND_FAULTS, ...MEMBERSHIP] },
  { ...BASE, name: 'damage', faults: [...KIND_FAULTS, ...DISK_ERRORS, ...DAMAGE] },
  {
    ...BASE,
    name: 'everything',
    faults: [...KIND_FAULTS, ...DISK_ERRORS, ...DAMAGE, ...MEMBERSHIP, ...STORIES],
    seconds: 120,
  },
  {
    ...BASE,
    name: 'rivals',
    workloads: RECIPES,
    faults: ['T5', 'C2', 'C9', 'N9', 'P3', 'N7'],
    isSwarm: false,
    callsPerSecond: 5,
    calmMaxMs: 3000,
  },
  {
    ...BASE,
    name: 'changes',
    workloads: ['kv'],
    faults: ['M1', 'M4b', 'M9', 'L4', 'N2', 'D14'],
    isSwarm: false,
    calmMaxMs: 1500,
  },
  {
    ...BASE,
    name: 'full',
    faults: ['O7', 'P1', 'P5', 'D1', 'N7'],
    isSwarm: false,
    callsPerSecond: 50,
    calmMaxMs: 2000,
    settings: { quotaBytes: 6500, snapshotCatchUpEntries: 0 },
  },
  {
    ...BASE,
    name: 'quiet',
    workloads: ['kv', 'compact'],
    faults: ['P1', 'P2', 'D1'],
    isSwarm: false,
    callsPerSecond: 3,
    calmMaxMs: 2000,
  },
  {
    ...BASE,
    name: 'handovers',
    workloads: ['lease', 'kv'],
    faults: ['L4'],
    isSwarm: false,
    seconds: 180,
    callsPerSecond: 3,
    calmMaxMs: 25_000,
    settings: { leaseCheckpointMs: 1000 },
  },
  {
    ...BASE,
    name: 'deposed',
    workloads: ['kv'],
    faults: ['P3', 'P3b', 'N2', 'N7'],
    isSwarm: false,
    callsPerSecond: 40,
    calmMaxMs: 1500,
  },
  { ...BASE, name: 'recipes', workloads: [...RECIPES, 'compact'], callsPerSecond: 5 },
  {
    ...BASE,
    name: 'shared',
    workloads: [...SHARED, 'compact'],
    workloadCount: SHARED_AT_ONCE,
    callsPerSecond: 5,
  },
  {
    ...BASE,
    name: 'sharers',
    workloads: SHARED,
    faults: ['T5', 'C2', 'C9', 'C14', 'N9', 'P3', 'N7'],
    isSwarm: false,
    callsPerSecond: 5,
    calmMaxMs: 3000,
  },
  {
    ...BASE,
    name: 'gatherers',
    workloads: [...GATHERED, 'compact'],
    workloadCount: SHARED_AT_ONCE,
    callsPerSecond: 5,
  },
  {
    ...BASE,
    name: 'wardens',
    workloads: ['guards', 'boots', 'compact'],
    faults: [...KIND_FAULTS, 'C14'],
    callsPerSecond: 5,
    calmMaxMs: 3000,
  },
  {
    ...BASE,
    name: 'onlookers',
    workloads: GATHERED,
    faults: ['T5', 'C2', 'C9', 'N9', 'P3', 'N7'],
    isSwarm: false,
    callsPerSecond: 5,
    calmMaxMs: 3000,
  },
];

/** A few seconds with many marks, flushes and snapshots, in which one call is one's last. */
const ONE_CRASH: Scenario = {
  ...BASE,
  faults: [],
  isSwarm: false,
  seconds: 4,
  callsPerSecond: 40,
  settings: { snapshotEntries: 10, snapshotCatchUpEntries: 5, walSegmentBytes: 4096 },
};

/**
 * The scenario of that name. The name of a fault means that fault alone, again and again; `P7.n` is
 * a short run in which one member ends in the nth call of its ports.
 *
 * @example
 * const scenario = findScenario('swarm');
 * if (scenario !== undefined) console.log(scenario.name);
 */
export function findScenario(name: string): Scenario | undefined {
  const named = NAMED.find((scenario) => scenario.name === name);
  if (named !== undefined) return named;
  const call = /^P7\.([1-9]\d*)$/.exec(name)?.[1];
  if (call !== undefined) return { ...ONE_CRASH, name, endsAtCall: Number(call) };
  if (!Object.hasOwn(FAULTS, name)) return undefined;
  const fault = name as FaultName;
  const alone = { faults: [fault], isSwarm: false, seconds: 40, calmMaxMs: 4000 };
  return { ...BASE, name, ...alone, ...SINGLE_FAULTS[fault] };
}

/**
 * Every scenario, those of a single fault too.
 *
 * @example
 * for (const name of SCENARIO_NAMES) console.log(name);
 */
export const SCENARIO_NAMES: readonly string[] = [
  ...NAMED.map(({ name }) => name),
  ...Object.keys(FAULTS),
];
