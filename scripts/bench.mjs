// Runs the rows of the comparison from their compiled form, all or those that are named by number
// or name, one after the other, each in a process of its own; then brings the table in
// bench/README.md up to date with the results. `--table` does only that. Other flags go to the
// rows; `--help` lists them. It builds nothing: `npm run bench` does.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const compiled = join(root, 'build', 'bench');
const page = join(root, 'bench', 'README.md');
const SKIPPED_EXIT_CODE = 3;

function allRows() {
  return readdirSync(join(root, 'bench', 'rows'))
    .filter((file) => /^row-\d\d-[a-z0-9-]+\.ts$/.test(file))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();
}

/** The rows that the words name, all when there is none; undefined when a word names no row. */
function chosenRows(words) {
  const rows = allRows();
  if (words.length === 0) return rows;
  const chosen = new Set();
  for (const word of words) {
    const row = rows.find((name) => name === word || Number(name.slice(4, 6)) === Number(word));
    if (row === undefined) {
      console.error(`There is no row ${word}. The rows are:\n  ${rows.join('\n  ')}`);
      return undefined;
    }
    chosen.add(row);
  }
  return [...chosen];
}

async function runRow(row, flags) {
  const program = join(compiled, 'rows', `${row}.js`);
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...flags], {
    cwd: root,
    stdio: 'inherit',
  });
  return await new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}

async function updateTable() {
  const { readResults } = await import(join(compiled, 'harness', 'result.js'));
  const { insertTable, renderTable } = await import(join(compiled, 'harness', 'result-table.js'));
  const bounds = JSON.parse(readFileSync(join(root, 'bench', 'bounds.json'), 'utf8'));
  const table = renderTable(readResults(join(root, 'bench', 'results')), bounds);
  const before = readFileSync(page, 'utf8');
  const after = insertTable(before, table);
  if (after !== before) writeFileSync(page, after);
  console.log(`bench/README.md ${after === before ? 'was' : 'is now'} up to date with the results`);
}

/** Words that name rows stand before the first flag. */
function split(args) {
  const at = args.findIndex((arg) => arg.startsWith('-'));
  return at < 0 ? [args, []] : [args.slice(0, at), args.slice(at)];
}

async function runRows(words, flags) {
  const rows = chosenRows(words);
  if (rows === undefined) return 2;
  const counts = { measured: 0, skipped: 0, failed: 0 };
  for (const row of rows) {
    const code = await runRow(row, flags);
    if (code === 0) counts.measured += 1;
    else if (code === SKIPPED_EXIT_CODE) counts.skipped += 1;
    else counts.failed += 1;
  }
  const { measured, skipped, failed } = counts;
  console.log(`${measured} rows measured, ${skipped} not measured, ${failed} failed`);
  await updateTable();
  return failed === 0 ? 0 : 1;
}

const [words, flags] = split(process.argv.slice(2));
if (flags.includes('--help') && words.length > 0) {
  for (const row of chosenRows(words) ?? []) await runRow(row, ['--help']);
} else if (flags.includes('--help')) {
  const { OPTIONS_HELP } = await import(join(compiled, 'harness', 'options.js'));
  console.log(`npm run bench -- [row…] [flags]\n${OPTIONS_HELP}`);
  console.log('  --table           only bring the table in bench/README.md up to date\n');
  console.log(`Rows, by number or name (with --help, what it takes):\n  ${allRows().join('\n  ')}`);
} else if (flags.includes('--table')) {
  await updateTable();
} else {
  process.exitCode = await runRows(words, flags);
}
