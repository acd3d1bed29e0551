// Turns proto/ into src/wire/gen/ (or into the folder given as the first argument). Runs the buf
// binary and the TypeScript generator out of node_modules: no network, no install script, no
// system protoc. The output is committed, and a test compares it with a fresh run.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const output = resolve(process.argv[2] ?? join(root, 'src/wire/gen'));
const require = createRequire(import.meta.url);

/** The file behind a package's command, without relying on links in node_modules/.bin. */
function commandOf(packageName, command) {
  const manifestPath = require.resolve(`${packageName}/package.json`);
  const { bin } = require(manifestPath);
  return join(dirname(manifestPath), typeof bin === 'string' ? bin : bin[command]);
}

const template = {
  version: 'v2',
  plugins: [
    {
      local: [process.execPath, commandOf('@bufbuild/protoc-gen-es', 'protoc-gen-es')],
      out: output,
      opt: ['target=ts', 'import_extension=js', 'erasable_syntax=true'],
    },
  ],
};

rmSync(output, { recursive: true, force: true });
const run = spawnSync(
  process.execPath,
  [
    commandOf('@bufbuild/buf', 'buf'),
    'generate',
    join(root, 'proto'),
    '--template',
    JSON.stringify(template),
  ],
  { stdio: ['ignore', 'inherit', 'inherit'], cwd: root },
);
if (run.error) throw run.error;
process.exit(run.status ?? 1);
