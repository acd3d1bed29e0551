// Files of LMDB are judged before lmdb opens them: every file that lmdb wrote passes, after each
// commit; one with a bit that was flipped is refused with a reason or can be worked with, and never
// ends the process by a signal.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbBackend } from '../../src/host/lmdb-backend.js';
import { checkLmdbFile } from '../../src/host/lmdb-file.js';
import { type BackendWrite, BUCKETS } from '../../src/ports/backend.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { inCi } from '../support/in-ci.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { testSeed } from '../support/world.js';

const FLIP_COUNT = inCi ? 2000 : 150;
const PAGE_BYTES = 4096;
const HELPER = new URL('./use-damaged-file.js', import.meta.url).pathname;

/** Rows of all sizes, some of which go away again. */
function someWrites(random: SimRandom): readonly BackendWrite[] {
  return Array.from({ length: 1 + random.below(60) }, (): BackendWrite => {
    const bucket = BUCKETS[random.below(BUCKETS.length)] as BackendWrite['bucket'];
    const key = Uint8Array.from({ length: 1 + random.below(20) }, (_, at) =>
      random.below(at === 0 ? 40 : 4),
    );
    if (random.below(100) < 45) return { bucket, key, value: undefined };
    const length = random.below(20) === 0 ? random.below(60_000) : random.below(300);
    return { bucket, key, value: new Uint8Array(length).fill(length) };
  });
}

describe('host/lmdb-file', function () {
  this.timeout(120_000);
  const seed = testSeed();
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(scratchFolder(), 'tidelock-lmdb-file-'));
    file = join(directory, 'data.mdb');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('finds nothing wrong with what lmdb writes', async () => {
    const random = new SimRandom(seed);
    let backend = LmdbBackend.open(directory);
    for (let commit = 0; commit < 150; commit++) {
      await backend.commit(someWrites(random));
      assert.doesNotThrow(() => checkLmdbFile(file), `TIDELOCK_SEED=${seed}, commit ${commit}`);
      if (commit % 40 === 39) {
        await backend.defragment();
        checkLmdbFile(file);
        await backend.close();
        checkLmdbFile(file);
        backend = LmdbBackend.open(directory);
      }
    }
    await backend.close();
  });

  it('has nothing to say of a file that is missing, empty or new', async () => {
    checkLmdbFile(file);
    writeFileSync(file, '');
    checkLmdbFile(file);
    await LmdbBackend.open(directory).close();
    checkLmdbFile(file);
  });

  it('says which page leads out of the file, twice to the same, or to a free one', async () => {
    const random = new SimRandom(1);
    const backend = LmdbBackend.open(directory);
    for (let commit = 0; commit < 30; commit++) await backend.commit(someWrites(random));
    await backend.close();
    const sound = readFileSync(file);
    const said = new Set<string>();
    for (let page = 2; page < sound.length / PAGE_BYTES; page++) {
      if (sound.readUInt16LE(page * PAGE_BYTES + 18) !== 1) continue;
      // A branch page: its first way leads where another one does, to a free page, out of the file.
      const node = page * PAGE_BYTES + 24 + sound.readUInt16LE(page * PAGE_BYTES + 24);
      const second = page * PAGE_BYTES + 24 + sound.readUInt16LE(page * PAGE_BYTES + 26);
      for (const to of [sound.readUInt32LE(second), 1_000_000, page]) {
        const bytes = Buffer.from(sound);
        bytes.writeUInt32LE(to, node);
        writeFileSync(file, bytes);
        try {
          checkLmdbFile(file);
        } catch (error) {
          said.add((error as Error).message.replaceAll(/\d+/g, 'N'));
        }
      }
    }
    assert.ok([...said].some((text) => /not in the file/.test(text)));
    assert.ok([...said].some((text) => /two ways lead to page N/.test(text)));
  });

  it(`lets no process end by a signal over ${FLIP_COUNT} bits that were flipped`, async () => {
    const random = new SimRandom(seed);
    const backend = LmdbBackend.open(directory);
    for (let commit = 0; commit < 30; commit++) await backend.commit(someWrites(random));
    await backend.close();
    const log = join(tmpdir(), `tidelock-flips-${process.pid}.log`);
    // In a process of its own, which tells of each flip before it tries it.
    const args = [HELPER, directory, `${seed}`, `${FLIP_COUNT}`, log];
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
    });
    const last = readFileSync(log, 'utf8').trimEnd().split('\n').at(-1);
    rmSync(log);
    assert.equal(signal, null, `TIDELOCK_SEED=${seed}, ${signal} over ${last}`);
    assert.equal(status, 0, `TIDELOCK_SEED=${seed}: ${stderr}`);
    const { refused, used } = JSON.parse(stdout) as { refused: number; used: number };
    assert.equal(refused + used, FLIP_COUNT);
    assert.ok(refused > FLIP_COUNT / 50, `${refused} were refused`);
  });
});
