// A process that makes a member's directory, or that flips one bit after the other in copies of one
// and opens each: a member that opens must hold exactly what was acknowledged. It writes down each
// flip before it tries it, because a bad one may be its end.
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openEmbedded } from '../../../src/server/index.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { allKeys, isStoreError, toText } from '../../../src/store/index.js';

const KEY_COUNT = 40;
const WRITE_COUNT = 120;
const RECORD_ALIGNMENT = 32;
const EXPECTED = 'expected.json';

/** What the store holds, in the order of keys. */
type State = readonly (readonly [key: string, value: string, modRevision: number])[];

async function readState(directory: string): Promise<State> {
  await using store = await openEmbedded({ dataDir: join(directory, 'data') });
  const { kvs } = await store.range(allKeys());
  const state = kvs.map(({ key, value, modRevision }) => {
    return [toText(key), toText(value), modRevision] as const;
  });
  // The past is there too, and the member takes writes.
  await store.range({ key: 'k1', revision: Math.max(2, (kvs[0]?.modRevision ?? 2) - 1) });
  await store.put({ key: 'k1', value: 'afterwards' });
  return state;
}

async function make(directory: string, end: string): Promise<void> {
  const store = await openEmbedded({ dataDir: join(directory, 'data') });
  for (let n = 0; n < WRITE_COUNT; n++) {
    const value = n % 20 === 0 ? `${n}${'.'.repeat(9000)}` : `${n}`;
    await store.put({ key: `k${n % KEY_COUNT}`, value });
    if (n % 7 === 0) await store.delete({ key: `k${(n + 3) % KEY_COUNT}` });
  }
  const { kvs } = await store.range(allKeys());
  const state = kvs.map(({ key, value, modRevision }) => [toText(key), toText(value), modRevision]);
  writeFileSync(join(directory, EXPECTED), JSON.stringify(state));
  if (end === 'kill') process.kill(process.pid, 'SIGKILL');
  await store.close();
}

interface WrittenFile {
  readonly name: string;
  readonly length: number;
}

/** A place in a file that the member wrote: in the last record of the log, or anywhere. */
class Places {
  readonly #files: readonly WrittenFile[];
  readonly #log: { readonly name: string; readonly last: readonly [number, number] };

  constructor(data: string) {
    const names = readdirSync(data, { recursive: true, encoding: 'utf8' });
    const found = names.filter((name) => /\.wal$|data\.mdb$|VERSION$/.test(name));
    this.#files = found.map((name) => {
      const bytes = readFileSync(join(data, name));
      return { name, length: name.endsWith('.wal') ? writtenLength(bytes) : bytes.length };
    });
    const name = found
      .filter((one) => one.endsWith('.wal'))
      .toSorted()
      .at(-1) as string;
    this.#log = { name, last: lastRecord(readFileSync(join(data, name))) };
  }

  /** How many bytes the last record has. */
  get lastLength(): number {
    return this.#log.last[1] - this.#log.last[0];
  }

  /** Byte `nth` of the last record, or any byte. */
  pick(nth: number, random: SimRandom): { readonly name: string; readonly at: number } {
    if (nth < this.lastLength) return { name: this.#log.name, at: this.#log.last[0] + nth };
    const file = this.#files[random.below(this.#files.length)] as WrittenFile;
    return { name: file.name, at: random.below(file.length) };
  }
}

/** Up to the last byte that is not zero. */
function writtenLength(bytes: Buffer): number {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
}

function lastRecord(bytes: Buffer): readonly [number, number] {
  const end = writtenLength(bytes);
  for (let at = end - (end % RECORD_ALIGNMENT); at >= 0; at -= RECORD_ALIGNMENT) {
    // A header tells its own place.
    if (bytes.toString('latin1', at, at + 3) === 'TWL' && bytes.readUInt32LE(at + 8) === at) {
      return [at, end];
    }
  }
  throw new Error('the log holds no record');
}

async function flips(
  directory: string,
  random: SimRandom,
  count: number,
  log: string,
): Promise<void> {
  const told = { refused: 0, same: 0, lastLength: 0, reasons: [] as string[] };
  const expected: unknown = JSON.parse(readFileSync(join(directory, EXPECTED), 'utf8'));
  const base = join(directory, 'data');
  const places = new Places(base);
  told.lastLength = places.lastLength;
  for (let nth = 0; nth < count; nth++) {
    const copy = join(directory, `copy-${nth}`);
    cpSync(base, join(copy, 'data'), { recursive: true });
    // Spread over the last record when there are too few flips for all of it.
    const wanted = count > 2 * places.lastLength ? nth : (nth * 2 * places.lastLength) / count;
    const { name, at } = places.pick(Math.floor(wanted), random);
    const bytes = readFileSync(join(copy, 'data', name));
    const bit = random.below(8);
    bytes[at] = (bytes[at] as number) ^ (1 << bit);
    writeFileSync(join(copy, 'data', name), bytes);
    appendFileSync(log, `flip ${nth}: ${name}, byte ${at}, bit ${bit}\n`);
    try {
      const state = await readState(copy);
      assert.deepEqual(state, expected, `${name}, byte ${at}, bit ${bit}: a wrong answer`);
      told.same++;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      const reason = error instanceof Error ? error.message : '';
      // "The server stopped" alone would not tell an operator anything.
      if (!isStoreError(error) && reason.length < 20) throw error;
      told.refused++;
      told.reasons.push(`${name}: ${reason}`);
    }
    rmSync(copy, { recursive: true });
  }
  process.stdout.write(JSON.stringify(told));
}

const [task, directory = '', option = '', count = '', log = ''] = process.argv.slice(2);
if (task === 'make') await make(directory, option);
else await flips(directory, new SimRandom(Number(option)), Number(count), log);
