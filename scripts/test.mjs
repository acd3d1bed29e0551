// All tests. With TIDELOCK_CI=1 one file after the other in one process, at full length, and
// nothing may disturb a measurement. Elsewhere the files are dealt out to two processes: a good
// part of the time some test waits for a lease or an election, and the other process has the
// machine. Whatever stands behind the command goes to mocha: `npm test -- --no-parallel`, `npm test
// -- -g "a lock"`.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const JOBS = 2;

// That a run without a test fails is the reporter's to see: here it would be asked of each file.
const sideBySide = ['--parallel', '--jobs', String(JOBS), '--no-fail-zero'];
const mode = process.env['TIDELOCK_CI'] === '1' ? [] : sideBySide;
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
const words = [mocha, ...mode, ...process.argv.slice(2), 'build/test/**/*.test.js'];
const child = spawn(process.execPath, words, { cwd: root, stdio: 'inherit' });
// A terminal sends Ctrl-C to mocha as well; others who want an end tell this process alone.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => void child.kill('SIGTERM'));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
});
