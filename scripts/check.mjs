// Everything a change must pass, in order, on a build made from nothing. One line per step, the
// output of a step that failed, and last of all the count of tests and steps. `--no-tests` leaves
// mocha out, for a caller that runs it on its own.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const words = process.argv.slice(2);
const unknown = words.find((word) => word !== '--no-tests');
if (unknown !== undefined) {
  console.error(`check: "${unknown}" means nothing here; "--no-tests" leaves the tests out`);
  process.exit(2);
}
const withTests = !words.includes('--no-tests');
const packDirectory = mkdtempSync(join(tmpdir(), 'tidelock-pack-'));
const CLOSING_LINE = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm;
/** Where mocha's own summary begins: what stands before is a line for each test. */
const SUMMARY = /^ {2}\d+ passing/m;
const total = { passed: 0, failed: 0, skipped: 0 };

/** Runs a program from node_modules/.bin or PATH to its end, with all that it printed. */
async function run(program, args) {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH']}` },
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  return await new Promise((resolve) => {
    child.on('error', (error) => resolve({ ok: false, output: String(error) }));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

/** One result out of several programs, each run even if one before it failed. */
async function runEach(...calls) {
  const results = [];
  for (const [program, args] of calls) results.push(await run(program, args));
  return {
    ok: results.every(({ ok }) => ok),
    output: results
      .filter(({ ok }) => !ok)
      .map(({ output }) => output)
      .join('\n'),
  };
}

async function runTests() {
  const result = await run('node', ['scripts/test.mjs']);
  const counts = [...result.output.matchAll(CLOSING_LINE)].at(-1);
  const [passed, failed, skipped] = (counts ?? []).slice(1).map((text) => Number(text ?? 0));
  if (counts === undefined || passed === 0) {
    return { ok: false, output: `${result.output}\nNo test passed.` };
  }
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  // A run that failed without a failed test (a crash while it ended) still counts as a failure.
  const output = result.output.slice(result.output.search(SUMMARY));
  return { ok: result.ok && failed === 0, counted: failed > 0, output };
}

async function checkPackage() {
  const packed = await run('npm', [
    'pack',
    '--ignore-scripts',
    '--pack-destination',
    packDirectory,
  ]);
  if (!packed.ok) return packed;
  const name = readdirSync(packDirectory).find((file) => file.endsWith('.tgz'));
  if (name === undefined)
    return { ok: false, output: `npm pack made no archive:\n${packed.output}` };
  const archive = join(packDirectory, name);
  return await runEach(
    ['publint', ['run', archive, '--strict']],
    ['attw', [archive, '--profile', 'esm-only', '--no-emoji']],
  );
}

const steps = [
  {
    name: 'remove build/',
    run: () => {
      rmSync(join(root, 'build'), { recursive: true, force: true });
      return { ok: true, output: '' };
    },
  },
  { name: 'compile (npm run build)', run: () => run('npm', ['run', 'build']), needed: true },
  { name: 'lint (oxlint)', run: () => run('npm', ['run', '--silent', 'lint']) },
  { name: 'format (biome)', run: () => run('npm', ['run', '--silent', 'format:check']) },
  ...(withTests ? [{ name: 'tests (mocha)', run: runTests }] : []),
  { name: 'examples', run: () => run('node', ['scripts/example.mjs', 'all']) },
  { name: 'package (publint, attw)', run: checkPackage },
  { name: 'unused code (knip)', run: () => run('knip', []) },
];

for (const [index, step] of steps.entries()) {
  const started = performance.now();
  const result = await step.run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const mark = result.ok ? 'ok' : 'FAILED';
  console.log(`[${index + 1}/${steps.length}] ${step.name}: ${mark} (${seconds} s)`);
  if (result.ok) {
    total.passed += 1;
    continue;
  }
  if (result.counted !== true) total.failed += 1;
  console.log(result.output.trimEnd());
  if (step.needed === true) {
    console.log('The steps after this one need it and were not run.');
    break;
  }
}
rmSync(packDirectory, { recursive: true, force: true });
const tail = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${tail}`);
process.exitCode = total.failed === 0 ? 0 : 1;
