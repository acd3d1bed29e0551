// Plants known bugs, one after the other, in a copy of the compiled code and lets the simulation
// find them. Says which promise each broke, with which seed, and after how much time.
//
//   npm run mutants
//   npm run mutants -- --only 7,12 --seeds 50
//   npm run mutants -- --quick -w json
import { writeFileSync } from 'node:fs';
import { MUTANTS } from '../build/test/mutants/catalogue.js';
import { hunt } from '../build/test/mutants/hunt.js';
import { PlantedCopy } from '../build/test/mutants/planted-copy.js';
import { mutantsPage } from '../build/test/mutants/mutants-page.js';
import './end-with-reader.mjs';
import { ABOVE_ZERO, readFlags, refuseFlag } from './read-flags.mjs';

const HELP = `npm run mutants -- [flags]
  --only ID,ID  these alone
  --quick       those that every check of the whole plants
  --seeds N     seeds of each scenario, at most; 200 when absent
  --from N      the first of them; 1 when absent
  --seconds N   how long each is hunted, at most; 120 when absent
  -w json       for programs
  --docs FILE   writes the page docs/mutants.md`;

const values = readFlags(
  'mutants',
  {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '120' },
    'write-out': { type: 'string', short: 'w', default: 'table' },
    docs: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
  { seeds: 1, from: 0, seconds: ABOVE_ZERO },
);
if (!['table', 'json'].includes(values['write-out'])) {
  refuseFlag('mutants', `--write-out "${values['write-out']}" is neither table nor json`);
}

const isJson = values['write-out'] === 'json';
const budget = {
  seedFirst: values.from,
  seedCount: values.seeds,
  wallMs: values.seconds * 1000,
};

/** @returns the mutants that were asked for */
function chosen() {
  const ids = values.only?.split(',');
  const unknown = ids?.filter((id) => !MUTANTS.some((mutant) => mutant.id === id)) ?? [];
  if (unknown.length > 0) {
    console.error(
      `no mutant ${unknown.join(', ')}; there are: ${MUTANTS.map((m) => m.id).join(' ')}`,
    );
    process.exit(2);
  }
  return MUTANTS.filter(
    ({ id, isQuick }) => (ids?.includes(id) ?? true) && (!values.quick || isQuick === true),
  );
}

function rowOf({ mutant, ...result }) {
  const { id, bug } = mutant;
  const wallMs = result.kind === 'survived' ? result.wallMs : result.found.wallMs;
  const wallSeconds = Number((wallMs / 1000).toFixed(1));
  if (result.kind === 'survived') return { id, bug, survived: result.why, wallSeconds };
  const { property, message, scenario, seed, seeds, simulatedMs } = result.found;
  const simulatedSeconds = Number((simulatedMs / 1000).toFixed(1));
  return { id, bug, property, scenario, seed, seeds, simulatedSeconds, wallSeconds, message };
}

function lineOf(row) {
  const head = `${row.id.padEnd(4)} ${row.bug.slice(0, 66).padEnd(66)}`;
  if (row.survived !== undefined) return `${head} SURVIVED: ${row.survived}`;
  const { property, scenario, seed, simulatedSeconds, wallSeconds } = row;
  const where = `${property.padEnd(10)} ${scenario.padEnd(11)} ${String(seed).padStart(4)}`;
  return `${head} ${where} ${simulatedSeconds.toFixed(0).padStart(6)} ${wallSeconds.toFixed(1).padStart(6)}`;
}

const isLive = process.stderr.isTTY && !isJson;

function progress(text) {
  if (isLive) process.stderr.write(`\r\u001b[2K${text}`);
}

async function run(copy) {
  const rows = [];
  const head = `${'id'.padEnd(4)} ${'bug'.padEnd(66)} ${'found by'.padEnd(10)} ${'scenario'.padEnd(11)} seed  sim s wall s`;
  if (!isJson) console.log(head);
  for (const mutant of chosen()) {
    progress(`${mutant.id}: ${mutant.bug}`);
    const result = await hunt(copy, mutant, budget, (seeds) => {
      progress(`${mutant.id}: ${mutant.bug} (${seeds} runs)`);
    });
    progress('');
    const row = rowOf(result);
    rows.push(row);
    if (!isJson) console.log(lineOf(row));
  }
  return rows;
}

if (values.help) {
  console.log(HELP);
} else {
  const copy = new PlantedCopy();
  process.once('exit', () => copy.remove());
  const rows = await run(copy);
  const survivors = rows.filter((row) => row.survived !== undefined);
  if (isJson) console.log(JSON.stringify(rows, undefined, 2));
  else console.log(`${rows.length - survivors.length} of ${rows.length} mutants found`);
  if (values.docs !== undefined) writeFileSync(values.docs, mutantsPage(rows));
  process.exitCode = survivors.length > 0 ? 1 : 0;
}
