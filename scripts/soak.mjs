// Kills, stops and cuts off real members under load for as long as it is told, run after run, each
// with a seed of its own, and judges what their users saw: `npm run soak -- --minutes 60`. Ends
// with the first run that fails, and with code 1; `--seed` begins with the seed of such a run. It
// builds nothing: `npm run soak` does.
import { parseArgs } from 'node:util';
import { runKills } from '../build/test/processes/support/kill-run.js';
import './end-with-reader.mjs';

const KILLS_PER_RUN = 40;
const HELP = `npm run soak -- [flags]
  --minutes N  how long, about; 10 when absent
  --seed N     the seed of the first run; the others follow it; drawn when absent
  --kills N    kills of one run, after which its history is judged; ${KILLS_PER_RUN} when absent`;

function positive(name, text, byDefault) {
  const number = text === undefined ? byDefault : Number(text);
  if (Number.isFinite(number) && number > 0) return number;
  throw new Error(`--${name} ${text}: must be a number above 0`);
}

async function soak(values) {
  const minutes = positive('minutes', values.minutes, 10);
  const killsPerRun = positive('kills', values.kills, KILLS_PER_RUN);
  let seed = Math.trunc(positive('seed', values.seed, 1 + Math.random() * 1_000_000));
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

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    kills: { type: 'string' },
    help: { type: 'boolean' },
  },
});
try {
  if (values.help === true) console.log(HELP);
  else await soak(values);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
