/**
 * Row 17: the simulation against real time: three members in one process with about 50 calls a
 * second from its clients, every checker on; without faults, and with those of a swarm. A reading
 * plays whole runs, seed after seed, for as long as it measures; a run that finds a violation is
 * an error.
 */
import { findScenario, runSeed, type Scenario } from '../../src/simulation/index.js';
import { runRow } from '../harness/run-row.js';
import { settle } from '../harness/settle.js';

const CALLS_PER_SECOND = 50;
/** Of one run, before it heals and is checked. */
const RUN_SECONDS = 60;

function scenarioOf(name: string, seconds: number): Scenario {
  const scenario = findScenario(name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return { ...scenario, callsPerSecond: CALLS_PER_SECOND, seconds };
}

/** Simulated seconds for each second that passes here. */
async function speedOf(scenario: Scenario, forSeconds: number): Promise<number> {
  const startMs = performance.now();
  let simulatedMs = 0;
  for (let seed = 1; performance.now() - startMs < forSeconds * 1000; seed++) {
    const report = await runSeed({ seed, scenario, settle });
    const [violation] = report.violations;
    if (violation !== undefined) {
      throw new Error(`${scenario.name}, seed ${seed}: ${violation.message}`);
    }
    simulatedMs += report.simulatedMs;
  }
  return simulatedMs / (performance.now() - startMs);
}

await runRow({
  name: 'row-17-simulation',
  title: 'simulation of three members with 50 calls a second, all checkers on, one core',
  peer: 'real time',
  needs: [],
  measures: [
    { name: 'calm', unit: 'x', better: 'more', target: 150 },
    { name: 'with faults', unit: 'x', better: 'more', target: 150 },
  ],
  open: async ({ options, scaled }) => {
    const seconds = scaled(RUN_SECONDS, 2);
    const calm = scenarioOf('calm', seconds);
    const faulty = scenarioOf('swarm', seconds);
    await speedOf(faulty, options.warmSeconds);
    return {
      tidelock: async () => ({
        calm: await speedOf(calm, options.seconds),
        'with faults': await speedOf(faulty, options.seconds),
      }),
      peer: async () => ({ calm: 1, 'with faults': 1 }),
    };
  },
});
