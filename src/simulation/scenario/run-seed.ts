import type { ReplicaSettings } from '../../kernel/index.js';
import { checkHistory } from '../check/check-history.js';
import type { Violation } from '../check/history.js';
import { SimDice } from '../sim-dice.js';
import { Simulation } from '../simulation.js';
import { WORKLOADS, type WorkloadName } from '../workloads/workloads.js';
import { compareMembers } from './compare-members.js';
import { checkDrained, checkRecovery, checkRemoved, healAll, settleMembers } from './heal.js';
import { chooseFaults, endAtCall, runNemesis } from './nemesis.js';
import type { Scenario } from './scenario.js';
import { World } from './world.js';

/** What one run is made from. */
export interface SeedOptions {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly settle?: () => Promise<void>;
  readonly tell?: (line: string) => void;
  /** Ends the run at the first broken promise; what a whole history tells is then not looked at. */
  readonly stopsAtFirst?: boolean;
}

/** What came of one run. */
export interface SeedReport {
  readonly seed: number;
  readonly scenario: string;
  /** The same for every run of this seed and scenario. */
  readonly hash: string;
  readonly eventCount: number;
  readonly simulatedMs: number;
  readonly violations: readonly Violation[];
  readonly faults: readonly string[];
  readonly faultCount: number;
  readonly operationCount: number;
  readonly answeredWrites: number;
  readonly watchCount: number;
  readonly revisionCount: number;
  readonly coverage: readonly (readonly [pair: string, count: number])[];
}

/** Simulated time that a run may take besides its faults. */
const TAIL_MAX_MS = 600_000;
/** Acknowledged writes for each simulated second below which a run has tested too little. */
const LOAD_MIN_PER_SECOND = 0.2;

/** How much faster than true time a member's clock may run, */
const CLOCK_DRIFT_MAX = 0.05;
/** and how late a lease may end: looking, proposing again, and the way through the log. */
const LEASE_SLACK_MS = 5000;
/** How long a watch may take to hear of a revision when everything is healed. */
const TAIL_BOUND_MS = 15_000;

/**
 * Plays a scenario with one seed, from the first start of the cluster to the last check.
 *
 * @example
 * const scenario = findScenario('swarm');
 * if (scenario !== undefined) {
 *   const { violations, simulatedMs } = await runSeed({ seed: 4711, scenario });
 *   console.log(`${violations.length} broken promises in ${simulatedMs} ms`);
 * }
 */
export async function runSeed(options: SeedOptions): Promise<SeedReport> {
  const { seed, scenario, settle, tell } = options;
  const sim = new Simulation({
    seed,
    ...(settle === undefined ? {} : { settle }),
    ...(tell === undefined ? {} : { tell }),
  });
  const dice = new SimDice(sim.random.split('scenario'));
  const world = new World({
    sim,
    memberCount: scenario.members,
    callsPerSecond: scenario.callsPerSecond,
    settings: {
      ...drawSettings(dice),
      ...drawWays(new SimDice(sim.random.split('ways'))),
      ...scenario.settings,
    },
  });
  const faults = chooseFaults(scenario, dice);
  sim.trace.tell(`seed ${seed}, ${scenario.name}: ${faults.join(' ')}`);
  try {
    const playing = play(world, scenario, faults, dice);
    const ends = options.stopsAtFirst === true ? [playing, world.findings.found] : [playing];
    await sim.run(Promise.race(ends), scenario.seconds * 1000 + TAIL_MAX_MS);
  } catch (error) {
    world.findings.report('run', error instanceof Error ? (error.stack ?? '') : String(error));
  }
  const isOver = options.stopsAtFirst === true && world.findings.violations.length > 0;
  if (!isOver) for (const violation of judge(world)) world.findings.add(violation);
  return {
    seed,
    scenario: scenario.name,
    hash: sim.trace.hash,
    eventCount: sim.trace.count,
    simulatedMs: sim.nowMs,
    violations: world.findings.violations,
    faults,
    faultCount: world.faultCount,
    operationCount: world.history.operationCount,
    answeredWrites: world.history.answeredWrites,
    watchCount: world.history.watchCount,
    revisionCount: world.history.revisions.length,
    coverage: world.coverage.pairs,
  };
}

/** What the whole history tells. */
function judge(world: World): readonly Violation[] {
  const { healedMs } = world;
  return checkHistory(world.history.finish(), {
    clockDriftMax: CLOCK_DRIFT_MAX,
    leaseSlackMs: LEASE_SLACK_MS,
    disturbances: world.faultSpans,
    leaseCheckpointMs: world.cluster.settings.leaseCheckpointMs ?? Number.POSITIVE_INFINITY,
    ...(healedMs === undefined ? {} : { tail: { healedMs, boundMs: TAIL_BOUND_MS } }),
  });
}

/** Small limits, different in each run. */
function drawSettings(dice: SimDice): Partial<ReplicaSettings> {
  return {
    snapshotEntries: 10 + dice.below(40),
    snapshotCatchUpEntries: dice.pick([0, 5, 20]),
    backendBatchRows: 5 + dice.below(60),
    backendBatchMs: dice.pick([5, 20, 100]),
    walSegmentBytes: dice.pick([8, 16, 64]) * 1024,
    raftInflightMessages: dice.pick([2, 8, 512]),
    compactionBatchRows: dice.pick([3, 20, 1000]),
    watchBufferBatches: dice.pick([2, 8, 128]),
    watchRecentRevisions: dice.pick([0, 5, 1024]),
    watchSliceRevisions: dice.pick([3, 50, 1000]),
    snapshotPieceBytes: dice.pick([512, 4096, 262_144]),
  };
}

/** Rare ways of doing things, common here. */
function drawWays(dice: SimDice): Partial<ReplicaSettings> {
  return {
    electionTicks: dice.pick([5, 10, 10]),
    raftMessageBytes: dice.pick([64, 500, 1_048_576]),
    joinsJointly: dice.below(2) === 0,
    leaseCheckpointMs: dice.pick([1000, 3000, 300_000]),
  };
}

/** Some of the workloads, in an order of chance, or all. */
function chooseWorkloads(
  { workloads, workloadCount = workloads.length }: Scenario,
  dice: SimDice,
): readonly WorkloadName[] {
  const left = [...workloads];
  if (workloadCount >= left.length) return left;
  return Array.from({ length: workloadCount }, () =>
    left.splice(dice.below(left.length), 1),
  ).flat();
}

async function play(
  world: World,
  scenario: Scenario,
  faults: Parameters<typeof runNemesis>[2],
  dice: SimDice,
): Promise<void> {
  const { sim, cluster, findings } = world;
  await cluster.start();
  await world.until(() => cluster.leader !== undefined, 30_000);
  const workloads = chooseWorkloads(scenario, new SimDice(sim.random.split('workloads')));
  sim.trace.tell(`workloads ${workloads.join(' ')}`);
  const load = Promise.all(workloads.map((name) => WORKLOADS[name](world)));
  const comparing = compareMembers(world);
  const { endsAtCall } = scenario;
  const nemesis =
    endsAtCall === undefined
      ? runNemesis(world, scenario, faults, dice)
      : endAtCall(world, endsAtCall, sim.seed);
  await sim.pause(scenario.seconds * 1000);
  sim.trace.tell('healing');
  world.beginHealing();
  await nemesis;
  await healAll(world);
  await checkRecovery(world);
  world.healedMs = sim.nowMs;
  await checkRemoved(world);
  await settleMembers(world);
  await sim.pause(2000);
  world.isEnding = true;
  await Promise.all([load, comparing]);
  await checkDrained(world);
  if (world.history.answeredWrites < scenario.seconds * LOAD_MIN_PER_SECOND) {
    findings.report('load', `only ${world.history.answeredWrites} writes were acknowledged`);
  }
  for (const member of cluster.everyone) member.crash('kill');
  await sim.pause(1);
}
