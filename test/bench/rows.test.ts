/**
 * Proves that every row of the comparison runs from end to end on its own, in sizes so small that
 * the numbers mean nothing, and that what it writes is a whole result.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tooLong } from '../support/in-ci.js';
import { skipWhen } from '../support/skip.js';
import { loadHarness, ROWS } from './compiled.js';

const { reasonMissing } = await loadHarness('peers.js');
const { readResults } = await loadHarness('result.js');
const ROW_TIMEOUT_MS = 120_000;
/** Rows that compare with lmdb, which is always there, or with the time that passes. */
const WITHOUT_ETCD = /^row-(0[789]|1[67])/;
/** Rows whose load does not come from the program in Go. */
const WITHOUT_GO = /^row-(0[4-6]|14)/;

function run(file: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, ['--enable-source-maps', file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: ROW_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });
}

async function missing(name: string): Promise<string | undefined> {
  if (WITHOUT_ETCD.test(name)) return undefined;
  const etcd = await reasonMissing('etcd');
  return etcd ?? (WITHOUT_GO.test(name) ? undefined : await reasonMissing('go'));
}

/** Run wherever the tests run. */
const FEW: readonly string[] = ['row-01-unary-put', 'row-08-embedded-put'];

describe('bench/rows', function () {
  this.timeout(ROW_TIMEOUT_MS);
  const names = readdirSync(ROWS)
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.slice(0, -'.js'.length));
  let folder = '';

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidelock-bench-test-'));
  });

  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('there are the rows of one member, of three, and of the simulation', () => {
    const numbers = names.map((name) => Number(/^row-(\d\d)-/.exec(name)?.[1]));
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 16, 17]);
  });

  for (const name of names) {
    it(`${name} measures both sides`, async function () {
      skipWhen(this, FEW.includes(name) ? undefined : tooLong());
      skipWhen(this, await missing(name));
      const out = join(folder, name);
      const { code, output } = await run(join(ROWS, `${name}.js`), ['--tiny', '--out', out]);
      assert.equal(code, 0, output);
      const [result, ...others] = readResults(out);
      assert.ok(result !== undefined && others.length === 0, output);
      assert.equal(result.name, name);
      assert.equal(result.pairs, 1);
      assert.ok(result.measures.length > 0);
      for (const { tidelock, peer, ratio } of result.measures) {
        assert.equal(ratio.median, tidelock.median / peer.median);
        assert.ok(ratio.median > 0);
      }
      assert.ok(
        output.includes('ratio') && output.includes(String(result.machine['node'])),
        output,
      );
    });
  }

  it('a row without its peer says so and measures nothing', async () => {
    const file = join(ROWS, 'row-05-node-latency.js');
    const before = process.env['ETCD_BIN'];
    process.env['ETCD_BIN'] = join(folder, 'no-etcd-here');
    try {
      const { code, output } = await run(file, ['--tiny', '--out', join(folder, 'missing')]);
      assert.equal(code, 3, output);
      assert.match(output, /not measured: its peer, etcd, is missing/);
      assert.ok(!readdirSync(folder).includes('missing'));
    } finally {
      if (before === undefined) delete process.env['ETCD_BIN'];
      else process.env['ETCD_BIN'] = before;
    }
  });
});
