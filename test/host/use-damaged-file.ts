// A process that flips one bit after the other in an LMDB file, opens it and uses it for a while.
// It writes down each flip before it tries it, because a bad one may be its end.
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LmdbBackend } from '../../src/host/lmdb-backend.js';
import { type BackendWrite, BUCKETS } from '../../src/ports/backend.js';
import { SimRandom } from '../../src/simulation/sim-random.js';

const PAGE_BYTES = 4096;
const FIRST_KEY = new Uint8Array(0);
const [directory = '', seed = '', count = '', log = ''] = process.argv.slice(2);
const random = new SimRandom(Number(seed));
const sound = readFileSync(join(directory, 'data.mdb'));
const told = { refused: 0, used: 0 };

/** Half of the flips where pages describe themselves, many in the first two pages. */
function flip(bytes: Buffer, nth: number): void {
  const page = random.below(3) === 0 ? random.below(2) : random.below(bytes.length / PAGE_BYTES);
  const within = random.below(2) === 0 ? random.below(200) : random.below(PAGE_BYTES);
  const bit = random.below(8);
  appendFileSync(log, `flip ${nth}: page ${page}, byte ${within}, bit ${bit}\n`);
  const at = page * PAGE_BYTES + within;
  bytes[at] = (bytes[at] as number) ^ (1 << bit);
}

async function use(backend: LmdbBackend): Promise<void> {
  for (const bucket of BUCKETS) {
    for (const { key } of backend.range(bucket, FIRST_KEY, undefined, 0)) backend.get(bucket, key);
    backend.scan(bucket, () => undefined);
  }
  for (let commit = 0; commit < 3; commit++) {
    await backend.commit(
      Array.from({ length: 40 }, (): BackendWrite => {
        const bucket = BUCKETS[random.below(BUCKETS.length)] as BackendWrite['bucket'];
        const key = Uint8Array.of(random.below(40), random.below(4));
        const length = random.below(20) === 0 ? random.below(60_000) : random.below(300);
        return { bucket, key, value: random.below(2) === 0 ? undefined : new Uint8Array(length) };
      }),
    );
  }
}

for (let nth = 0; nth < Number(count); nth++) {
  const bytes = Buffer.from(sound);
  flip(bytes, nth);
  // lmdb takes two files of one name for the same.
  const place = join(directory, `${nth}`);
  mkdirSync(place);
  writeFileSync(join(place, 'data.mdb'), bytes);
  let backend: LmdbBackend | undefined;
  try {
    backend = LmdbBackend.open(place);
    await use(backend);
    told.used++;
  } catch (error) {
    if (!(error instanceof Error) || error.message === '') throw error;
    told.refused++;
  }
  await backend?.close();
  rmSync(place, { recursive: true });
}
process.stdout.write(JSON.stringify(told));
