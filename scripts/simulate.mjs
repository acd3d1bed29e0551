// Plays scenarios of the simulation: many seeds with progress and a summary, or one with its
// timeline. This is only the host: it reads arguments, gives seeds to processes, and prints.
//
//   npm run simulate -- --seeds 100 --scenario swarm --jobs 2
//   npm run simulate -- --scenario P3 --seed 4711 --trace
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findScenario, runSeed, SCENARIO_NAMES } from '../build/src/simulation/index.js';

/** Immediates that wait ready: one is enough to settle, and a bunch saves turns of the host. */
const BUNCH = 32;
const waiting = [];
let ready = 0;

/** Resolves when no promise reaction is left to run: a new immediate comes after all of them. */
function settle() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (ready > 0) return;
    ready = BUNCH;
    for (let i = 0; i < BUNCH; i++) setImmediate(next);
  });
}

function next() {
  ready--;
  waiting.shift()?.();
}

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'swarm' },
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    seconds: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function scenarioOf(name) {
  const scenario = findScenario(name);
  if (scenario === undefined) {
    console.error(`no scenario "${name}"; there are: ${SCENARIO_NAMES.join(' ')}`);
    process.exit(2);
  }
  return values.seconds === undefined ? scenario : { ...scenario, seconds: Number(values.seconds) };
}

async function play(seed) {
  const before = process.cpuUsage();
  const report = await runSeed({
    seed,
    scenario: scenarioOf(values.scenario),
    settle,
    ...(values.trace ? { tell: (line) => console.log(line) } : {}),
  });
  const { user, system } = process.cpuUsage(before);
  return { ...report, cpuSeconds: (user + system) / 1e6 };
}

function replayCommand(seed) {
  const seconds = values.seconds === undefined ? '' : ` --seconds ${values.seconds}`;
  return `npm run simulate -- --scenario ${values.scenario} --seed ${seed}${seconds} --trace`;
}

function printFailure({ seed, violations }) {
  console.log(`\nseed ${seed} FAILED`);
  for (const { property, message, atMs } of violations.slice(0, 5)) {
    console.log(`  ${property} at ${atMs?.toFixed(0) ?? '?'} ms: ${message}`);
  }
  console.log(`  again: ${replayCommand(seed)}`);
}

/** Adds up reports and says where the work is. */
class Summary {
  #startMs = performance.now();
  #pairs = new Map();
  count = 0;
  cpuSeconds = 0;
  failed = 0;
  hours = 0;
  writes = 0;
  faults = 0;

  add(report) {
    this.count++;
    this.cpuSeconds += report.cpuSeconds;
    this.hours += report.simulatedMs / 3_600_000;
    this.writes += report.answeredWrites;
    this.faults += report.faultCount;
    for (const [pair, count] of report.coverage) {
      this.#pairs.set(pair, (this.#pairs.get(pair) ?? 0) + count);
    }
    if (report.violations.length > 0) {
      this.failed++;
      printFailure(report);
    }
  }

  print() {
    const seconds = (performance.now() - this.#startMs) / 1000;
    // The machine may be busy with other things: a core is what this program had of it.
    const speed = (this.hours * 3600) / this.cpuSeconds;
    if (values.coverage) {
      for (const [pair, count] of [...this.#pairs].sort(([a], [b]) => (a < b ? -1 : 1)))
        console.log(`${pair}: ${count}`);
    }
    console.log(
      `${this.count} seeds of ${values.scenario}, ${this.failed} failed; ` +
        `${this.hours.toFixed(2)} cluster-hours in ${seconds.toFixed(1)} s ` +
        `(${speed.toFixed(0)} x real time a core), ${this.writes} writes acknowledged, ` +
        `${(this.faults / this.hours).toFixed(0)} faults an hour, ${this.#pairs.size} pairs met`,
    );
  }
}

async function playOne(seed) {
  const report = await play(seed);
  const { hash, eventCount, simulatedMs, violations, cpuSeconds, ...rest } = report;
  const speed = simulatedMs / 1000 / cpuSeconds;
  console.log(JSON.stringify({ ...rest, coverage: undefined }));
  console.log(
    `hash ${hash} of ${eventCount} events, ${simulatedMs.toFixed(0)} ms, ${speed.toFixed(0)} x`,
  );
  if (violations.length > 0) printFailure(report);
  return violations.length === 0;
}

/** One process of several: plays the seeds that it is sent. */
function serveSeeds() {
  process.on('message', async (seed) => process.send(await play(seed)));
}

async function playMany(first, count, jobs) {
  const summary = new Summary();
  const seeds = Array.from({ length: count }, (_, at) => first + at);
  const tell = (report) => {
    summary.add(report);
    if (summary.count % 10 === 0) console.log(`${summary.count} of ${count} seeds`);
  };
  if (jobs === 1) {
    for (const seed of seeds) tell(await play(seed));
  } else {
    const own = fileURLToPath(import.meta.url);
    const workers = Array.from({ length: jobs }, () =>
      fork(own, [...process.argv.slice(2)], { env: { ...process.env, TIDELOCK_SIM_WORKER: '1' } }),
    );
    await Promise.all(workers.map((worker) => feed(worker, seeds, tell)));
  }
  summary.print();
  return summary.failed === 0;
}

function feed(worker, seeds, tell) {
  return new Promise((resolve, reject) => {
    const give = () => {
      const seed = seeds.shift();
      if (seed === undefined) worker.kill();
      else worker.send(seed);
    };
    worker.on('message', (report) => {
      tell(report);
      give();
    });
    worker.on('error', reject);
    worker.on('exit', resolve);
    give();
  });
}

if (values.help) {
  console.log(
    `--scenario NAME --seeds N --from N --jobs N --seconds N --coverage | --seed N --trace`,
  );
  console.log(`scenarios: ${SCENARIO_NAMES.join(' ')}`);
} else if (process.env['TIDELOCK_SIM_WORKER'] === '1') {
  serveSeeds();
} else {
  const ok =
    values.seed === undefined
      ? await playMany(Number(values.from), Number(values.seeds), Number(values.jobs))
      : await playOne(Number(values.seed));
  process.exitCode = ok ? 0 : 1;
}
