// Plays scenarios of the simulation: many seeds with progress and a summary, the plan of the check
// of the whole, or one seed with its timeline. This is only the host: it reads arguments, gives
// seeds to processes, and prints.
//
//   npm run simulate -- --seeds 100 --scenario swarm --jobs 2
//   npm run simulate -- --scenario P3 --seed 4711 --trace
//   npm run simulate -- --calls 1:600:10
//   npm run simulate -- --ci --jobs 2
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findScenario, runSeed, SCENARIO_NAMES } from '../build/src/simulation/index.js';
import { READER_GONE } from './end-with-reader.mjs';
import { ABOVE_ZERO, readFlags, refuseFlag } from './read-flags.mjs';
import { ciPlan, missingPairs } from './simulation-plan.mjs';

/** Immediates that wait ready: one is enough to settle, and a bunch saves turns of the host. */
const BUNCH = 32;
/** Room for what lives for a moment only, so that it is not looked at more often than needed. */
const WORKER_ARGS = ['--max-semi-space-size=64'];
/** Of so many seeds one is played again, in a process of its own. */
const AGAIN_EVERY = 50;
const PROGRESS_MS = 10_000;
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

const HELP = `npm run simulate -- [flags]
  --scenario NAME  what is played; swarm when absent
  --seeds N        so many seeds, with a summary; 20 when absent
  --from N         the first of them; 1 when absent
  --seed N         this one alone
  --trace          with a line for each thing that happened
  --calls A:B:C    one member ends in call A of its ports, in A + C and so on, up to B
  --minutes N      seed after seed for that long
  --ci             the plan that every check of the whole plays
  --seconds N      simulated seconds of faults in each seed, in the place of the scenario's own
  --rate N         calls a second, in the place of the scenario's own
  --jobs N         processes at the same time; 1 when absent
  --coverage       which fault met which state, and how often`;

const values = readFlags(
  'simulate',
  {
    scenario: { type: 'string', default: 'swarm' },
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    calls: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    ci: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    trace: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  {
    seeds: 1,
    from: 0,
    seed: 0,
    jobs: 1,
    seconds: ABOVE_ZERO,
    rate: ABOVE_ZERO,
    minutes: ABOVE_ZERO,
  },
);

/** What the arguments ask for, for one seed. */
function itemOf(seed, scenario = values.scenario) {
  const seconds = values.seconds === undefined ? {} : { seconds: values.seconds };
  const rate = values.rate === undefined ? {} : { callsPerSecond: values.rate };
  return { scenario, seed, ...seconds, ...rate };
}

function scenarioOf({ scenario: name, seconds, callsPerSecond }) {
  const scenario = findScenario(name);
  if (scenario === undefined) {
    console.error(`no scenario "${name}"; there are: ${SCENARIO_NAMES.join(' ')}`);
    process.exit(2);
  }
  return {
    ...scenario,
    seconds: seconds ?? scenario.seconds,
    callsPerSecond: callsPerSecond ?? scenario.callsPerSecond,
  };
}

async function play(item) {
  const before = process.cpuUsage();
  const report = await runSeed({
    seed: item.seed,
    scenario: scenarioOf(item),
    settle,
    ...(values.trace ? { tell: (line) => console.log(line) } : {}),
  });
  const { user, system } = process.cpuUsage(before);
  return { ...report, item, cpuSeconds: (user + system) / 1e6 };
}

function replayCommand({ scenario, seed, seconds, callsPerSecond }) {
  const time = seconds === undefined ? '' : ` --seconds ${seconds}`;
  const rate = callsPerSecond === undefined ? '' : ` --rate ${callsPerSecond}`;
  return `npm run simulate -- --scenario ${scenario} --seed ${seed}${time}${rate} --trace`;
}

function printFailure({ item, violations }) {
  console.log(`\nseed ${item.seed} of ${item.scenario} FAILED`);
  for (const { property, message, atMs } of violations.slice(0, 5)) {
    console.log(`  ${property} at ${atMs?.toFixed(0) ?? '?'} ms: ${message}`);
  }
  console.log(`  again: ${replayCommand(item)}`);
}

/** Adds up reports and says where the work is. */
class Summary {
  #startMs = performance.now();
  #toldMs = this.#startMs;
  pairs = new Map();
  count = 0;
  cpuSeconds = 0;
  failed = 0;
  hours = 0;
  writes = 0;
  faults = 0;

  add(report, total) {
    this.count++;
    this.cpuSeconds += report.cpuSeconds;
    this.hours += report.simulatedMs / 3_600_000;
    this.writes += report.answeredWrites;
    this.faults += report.faultCount;
    for (const [pair, count] of report.coverage) {
      this.pairs.set(pair, (this.pairs.get(pair) ?? 0) + count);
    }
    if (report.violations.length > 0) {
      this.failed++;
      printFailure(report);
    }
    if (performance.now() - this.#toldMs < PROGRESS_MS) return;
    this.#toldMs = performance.now();
    const hours = `${this.hours.toFixed(1)} cluster-hours, ${this.pace}`;
    console.log(`${this.count} of ${total} seeds, ${hours}, ${this.failed} failed`);
  }

  get seconds() {
    return (performance.now() - this.#startMs) / 1000;
  }

  /** How fast the clock on the wall sees time pass. */
  get pace() {
    return `${(this.hours / this.seconds).toFixed(3)} hours a second`;
  }

  print(what) {
    // The machine may be busy with other things: a core is what these programs had of it.
    const speed = (this.hours * 3600) / this.cpuSeconds;
    if (values.coverage) printCoverage(this.pairs);
    console.log(
      `${this.count} seeds of ${what}, ${this.failed} failed; ` +
        `${this.hours.toFixed(2)} cluster-hours in ${this.seconds.toFixed(1)} s: ${this.pace} ` +
        `(${speed.toFixed(0)} x real time a core); ${this.writes} writes acknowledged, ` +
        `${(this.faults / this.hours).toFixed(0)} faults an hour, ${this.pairs.size} pairs met`,
    );
  }
}

/** One line a fault, with how often it met each state. */
function printCoverage(pairs) {
  const byFault = new Map();
  for (const [pair, count] of [...pairs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [fault, state] = pair.split(' x ');
    const line = byFault.get(fault) ?? [];
    byFault.set(fault, [...line, `${state} ${count}`]);
  }
  for (const [fault, states] of byFault) console.log(`${fault.padEnd(4)} ${states.join(', ')}`);
}

async function playOne(item) {
  const report = await play(item);
  const { hash, eventCount, simulatedMs, violations, cpuSeconds, ...rest } = report;
  const speed = simulatedMs / 1000 / cpuSeconds;
  console.log(JSON.stringify({ ...rest, item: undefined, coverage: undefined }));
  if (violations.length > 0) printFailure(report);
  console.log(
    `hash ${hash} of ${eventCount} events, ${simulatedMs.toFixed(0)} ms, ${speed.toFixed(0)} x`,
  );
  return violations.length === 0;
}

/** One process of several: plays what it is sent. */
function serveItems() {
  process.on('message', async (item) => process.send(await play(item)));
}

/** Plays what `queue` gives in that many processes; `tell` hears of each. */
async function playAll(queue, jobs, tell) {
  const own = fileURLToPath(import.meta.url);
  const env = { ...process.env, TIDELOCK_SIM_WORKER: '1' };
  const workers = Array.from({ length: jobs }, () =>
    fork(own, process.argv.slice(2), { execArgv: WORKER_ARGS, env }),
  );
  await Promise.all(workers.map((worker) => feed(worker, queue, tell)));
}

function feed(worker, queue, tell) {
  return new Promise((resolve, reject) => {
    let current;
    const give = () => {
      current = queue.shift();
      if (current === undefined) worker.kill();
      else worker.send(current);
    };
    worker.on('message', (report) => {
      tell(report);
      give();
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      if (code === READER_GONE) process.exit(0);
      if (current === undefined) resolve();
      else reject(new Error(`a process ended while it played ${replayCommand(current)}`));
    });
    give();
  });
}

async function playMany(items, what) {
  const summary = new Summary();
  const total = items.length;
  await playAll(items, values.jobs, (report) => summary.add(report, total));
  summary.print(what);
  return summary.failed === 0;
}

/** Seed after seed until the time is over. */
async function soak(minutes) {
  const summary = new Summary();
  let seed = values.from;
  const queue = { shift: () => (summary.seconds < minutes * 60 ? itemOf(seed++) : undefined) };
  await playAll(queue, values.jobs, (report) => summary.add(report, 'ever more'));
  summary.print(`${values.scenario}, up to ${seed - 1}`);
  return summary.failed === 0;
}

/** The plan of the check of the whole, with some seeds played twice and what must have come up. */
async function playPlan() {
  const summary = new Summary();
  const items = ciPlan(SCENARIO_NAMES);
  const hashes = new Map();
  await playAll([...items], values.jobs, (report) => {
    hashes.set(JSON.stringify(report.item), report.hash);
    summary.add(report, items.length);
  });
  const again = items.filter((_, at) => at % AGAIN_EVERY === 0);
  let different = 0;
  await playAll([...again], 1, (report) => {
    if (hashes.get(JSON.stringify(report.item)) === report.hash) return;
    different++;
    console.log(`not the same twice: ${replayCommand(report.item)}`);
  });
  const missing = missingPairs(summary.pairs);
  for (const name of missing) console.log(`never met: ${name}`);
  summary.print('the plan');
  const { count, failed, hours } = summary;
  const total = { seeds: count, failed, hours, again: again.length, different, missing };
  console.log(JSON.stringify(total));
  return failed === 0 && different === 0 && missing.length === 0;
}

/** `1:600:10`: a crash in call 1, 11, 21 and so on. */
function callItems(text) {
  if (!/^[1-9]\d*(:[1-9]\d*){0,2}$/.test(text)) {
    refuseFlag('simulate', `--calls ${JSON.stringify(text)} is not like 1:600:10`);
  }
  const [first, last = Math.max(first, 600), step = 1] = text.split(':').map(Number);
  const items = [];
  for (let call = first; call <= last; call += step) {
    items.push(itemOf(values.from + items.length, `P7.${call}`));
  }
  return items;
}

function run() {
  if (values.ci) return playPlan();
  if (values.seed !== undefined) return playOne(itemOf(values.seed));
  scenarioOf(itemOf(0));
  if (values.calls !== undefined) {
    return playMany(callItems(values.calls), `crashes at calls ${values.calls}`);
  }
  if (values.minutes !== undefined) return soak(values.minutes);
  const first = values.from;
  const items = Array.from({ length: values.seeds }, (_, at) => itemOf(first + at));
  return playMany(items, values.scenario);
}

if (values.help) {
  console.log(HELP);
  console.log(`Scenarios: ${SCENARIO_NAMES.join(' ')}, and P7.n for a crash in the nth call;`);
  console.log('docs/faults.md tells what each is.');
} else if (process.env['TIDELOCK_SIM_WORKER'] === '1') {
  serveItems();
} else {
  process.exitCode = (await run()) ? 0 : 1;
}
