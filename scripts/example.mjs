// Runs one of the numbered tutorials in examples/ from its compiled form, lists them when no number
// is given, and runs them one after the other for `all`. It builds nothing: `npm run example` does.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EXAMPLE_TIMEOUT_MS = 60_000;
const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The examples by their numbers, with the first sentence of their source as title. */
function findExamples() {
  return readdirSync(join(root, 'examples'))
    .filter((name) => /^\d\d-[a-z0-9-]+\.ts$/.test(name))
    .sort()
    .map((name) => ({
      number: Number(name.slice(0, 2)),
      name: name.slice(0, -'.ts'.length),
      title: titleOf(readFileSync(join(root, 'examples', name), 'utf8')),
      file: join(root, 'build', 'examples', name.replace(/\.ts$/, '.js')),
    }));
}

function titleOf(source) {
  const line = source
    .split('\n')
    .map((text) => text.replace(/^\s*(\/\*\*?|\*\/|\*|\/\/)?\s?/, '').trim())
    .find((text) => text !== '');
  return line ?? '(no title)';
}

function list(examples) {
  console.log(
    'Examples, each run with: npm run example <number> [-- --endpoints http://host:2379]\n',
  );
  for (const { number, title } of examples) console.log(`  ${number}  ${title}`);
}

async function runOne(example, rest) {
  if (!existsSync(example.file)) {
    console.error(`${example.file} is missing: run npm run build first.`);
    return 1;
  }
  const child = spawn(process.execPath, ['--enable-source-maps', example.file, ...rest], {
    stdio: 'inherit',
    cwd: root,
  });
  // The terminal sends Ctrl-C to the child as well; the child decides how to end.
  process.on('SIGINT', () => undefined);
  return await new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}

async function runAll(examples) {
  if (examples.length === 0) {
    console.error('examples/ holds no example.');
    return 1;
  }
  let failed = 0;
  for (const example of examples) {
    const started = performance.now();
    const child = spawn(process.execPath, ['--enable-source-maps', example.file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: root,
      timeout: EXAMPLE_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const code = await new Promise((resolve) => child.on('close', (value) => resolve(value)));
    const good = code === 0 && output.trim() !== '';
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`  ${good ? 'ok' : 'FAILED'}  ${example.name} (${seconds} s)`);
    if (good) continue;
    failed += 1;
    console.log(output.trim() === '' ? `  exit ${code}, nothing printed` : output);
  }
  return failed === 0 ? 0 : 1;
}

const [choice, ...rest] = process.argv.slice(2);
const examples = findExamples();
if (choice === undefined) {
  list(examples);
} else if (choice === 'all') {
  process.exitCode = await runAll(examples);
} else {
  const example = examples.find(({ number }) => number === Number(choice));
  if (example === undefined) {
    console.error(`There is no example ${choice}.`);
    list(examples);
    process.exitCode = 2;
  } else {
    process.exitCode = await runOne(example, rest);
  }
}
