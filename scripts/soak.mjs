// Kills, stops and cuts off real members under load for as long as it is told, run after run, each
// with a seed of its own, and judges what their users saw: `npm run soak -- --minutes 60`. Ends
// with the first run that fails, and with code 1; `--seed` begins with the seed of such a run. It
// builds nothing: `npm run soak` does.
import { runKills } from '../build/test/processes/support/kill-run.js';
import './end-with-reader.mjs';
import { ABOVE_ZERO, readFlags } from './read-flags.mjs';

const KILLS_PER_RUN = 40;
const HELP = `npm run soak -- [flags]
  --minutes N  how long, about; 10 when absent
  --seed N     the seed of the first run; the others follow it; drawn when absent
  --kills N    kills of one run, after which its history is judged; ${KILLS_PER_RUN} when absent`;

async function soak({ minutes, kills: killsPerRun, seed: seedFirst }) {
  let seed = seedFirst;
  const endsAtMs = performance.now() + minutes * 60_000;
  const total = { runs: 0, kills: 0, operations: 0, revisions: 0 };
  for (; performance.now() < endsAtMs; seed++) {
    console.log(`seed ${seed}`);
    const report = await runKills({
      seed,
      over: (kills) => kills >= killsPerRun || performance.now() >= endsAtMs,
      tell: (line) => console.log(`  ${line}`),
    });
    total.runs += 1;
    for (const field of ['kills', 'operations', 'revisions']) total[field] += report[field];
    const counts = [...report.disturbances].map(([name, count]) => `${name} ${count}`);
    console.log(`  every promise was kept; ${counts.sort().join(', ')}`);
  }
  const { runs, kills, operations, revisions } = total;
  console.log(`${runs} runs, ${kills} kills, ${operations} calls, ${revisions} revisions`);
}

const values = readFlags(
  'soak',
  {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: `${1 + Math.trunc(Math.random() * 1_000_000)}` },
    kills: { type: 'string', default: `${KILLS_PER_RUN}` },
    help: { type: 'boolean', default: false },
  },
  { minutes: ABOVE_ZERO, seed: 1, kills: 1 },
);
try {
  if (values.help) console.log(HELP);
  else await soak(values);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
