import { FAULTS, type FaultName } from '../faults/faults.js';
import type { SimDice } from '../sim-dice.js';
import type { Scenario } from './scenario.js';
import type { World } from './world.js';

/** Faults that are there at the same time, at most. */
const AT_ONCE_MAX = 3;
/** Faults of one burst, at most. */
const BURST_MAX = 5;

/** The faults that a seed plays with: of a swarm a random part, otherwise all that make sense. */
export function chooseFaults(scenario: Scenario, dice: SimDice): readonly FaultName[] {
  const possible = scenario.faults.filter((name) => FAULTS[name].membersMin <= scenario.members);
  if (!scenario.isSwarm) return possible;
  const share = dice.pick([150, 300, 500]);
  const chosen = possible.filter(() => dice.chance(share));
  return chosen.length > 0 ? chosen : possible.slice(0, 1);
}

/** Lets faults happen in bursts with calm between them, until the world is healing. */
export async function runNemesis(
  world: World,
  scenario: Scenario,
  names: readonly FaultName[],
  dice: SimDice,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  while (!world.isHealing) {
    await world.hold(dice.between(200, scenario.calmMaxMs));
    if (names.length === 0) continue;
    for (let burst = 1 + dice.below(BURST_MAX); burst > 0 && !world.isHealing; burst--) {
      if (underWay.size < AT_ONCE_MAX) begin(world, dice.pick(names), dice, underWay);
      await world.hold(dice.between(20, 2000));
    }
    if (dice.below(3) === 0) await Promise.all(underWay);
  }
  await Promise.all(underWay);
}

/** How long the member that ended in a call stays down. */
const DOWN_MS = 300;

/** Ends one member in the call that the scenario names, and starts it again. */
export async function endAtCall(world: World, call: number, seed: number): Promise<void> {
  const { members } = world.cluster;
  const member = members[seed % members.length];
  const process = member?.process;
  if (member === undefined || process === undefined) return;
  process.endAtCall(call);
  await world.until(() => !process.isAlive || world.isHealing, Number.POSITIVE_INFINITY, 1);
  process.spare();
  if (process.isAlive) return;
  world.noteFault('P7', `${member.name} at call ${call}`);
  await world.hold(DOWN_MS);
  await member.start();
}

function begin(world: World, name: FaultName, dice: SimDice, underWay: Set<Promise<void>>): void {
  const fromMs = world.sim.nowMs;
  const fault: Promise<void> = FAULTS[name].perform(world, dice).finally(() => {
    underWay.delete(fault);
    world.noteSpan(fromMs);
  });
  underWay.add(fault);
}
