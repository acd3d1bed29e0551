// Proves that a bit that flips in a file of a member while it is down is never answered with: the
// member holds exactly what it acknowledged, or it refuses with a reason. No process ends by a
// signal. Every byte of the last record of the log has its turn, and bytes of all files.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inCi } from '../support/in-ci.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { testSeed } from '../support/world.js';

const HELPER = fileURLToPath(new URL('./support/damage.js', import.meta.url));
const FLIP_COUNT = inCi ? 100 : 8;

interface Told {
  readonly refused: number;
  readonly same: number;
  readonly lastLength: number;
  readonly reasons: readonly string[];
}

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, ['--enable-source-maps', HELPER, ...args], {
    encoding: 'utf8',
  });
}

describe('a member whose files have rotted', function () {
  this.timeout(300_000);
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(scratchFolder(), 'tidelock-rot-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  for (const [name, end] of [
    ['that was closed', 'close'],
    ['that was killed', 'kill'],
  ] as const) {
    it(`answers right or not at all after ${FLIP_COUNT} flips of one ${name}`, () => {
      const seed = testSeed();
      const made = run('make', directory, end);
      assert.equal(made.signal, end === 'kill' ? 'SIGKILL' : null, made.stderr);
      const log = join(directory, 'flips.log');
      const { status, signal, stdout, stderr } = run(
        'flips',
        directory,
        `${seed}`,
        `${FLIP_COUNT}`,
        log,
      );
      const last = readFileSync(log, 'utf8').trimEnd().split('\n').at(-1);
      assert.equal(signal, null, `TIDELOCK_SEED=${seed}: ${signal} over ${last}`);
      assert.equal(status, 0, `TIDELOCK_SEED=${seed}, over ${last}: ${stderr}`);
      const { refused, same, lastLength, reasons } = JSON.parse(stdout) as Told;
      assert.equal(refused + same, FLIP_COUNT);
      assert.ok(lastLength >= 32 && (!inCi || FLIP_COUNT > lastLength), `${lastLength} bytes`);
      assert.ok(refused >= FLIP_COUNT / 4, `${refused} of ${FLIP_COUNT} were refused`);
      for (const reason of reasons) assert.match(reason, /\S{3,}: .{15,}/);
    });
  }
});
