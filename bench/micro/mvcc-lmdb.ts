// The multiversion store over LMDB: puts, reads, opening and memory, beside raw lmdb doing the same
// work with the same bytes. Run: node --expose-gc build/bench/micro/mvcc-lmdb.js [keys]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { LmdbBackend } from '../../src/host/lmdb-backend.js';
import { Mvcc, type RangeQuery } from '../../src/kernel/mvcc/mvcc.js';
import { WriteBuffer } from '../../src/kernel/mvcc/write-buffer.js';

const keyCount = Number(process.argv[2] ?? 200_000);
const FLUSH_ROWS = 10_000;
const READS = 200_000;
const VALUE = new Uint8Array(256).fill(120);
const keyOf = (at: number): Uint8Array => Buffer.from(`/bench/key/${String(at).padStart(9, '0')}`);
const ALL: RangeQuery = { revision: 0, limit: 0, countOnly: false, keysOnly: false };

function report(name: string, count: number, startMs: number): void {
  const ms = performance.now() - startMs;
  const each = ((ms / count) * 1000).toFixed(2);
  console.log(`${name.padEnd(44)} ${each} us each, ${Math.round((count / ms) * 1000)}/s`);
}

const directory = mkdtempSync(join(tmpdir(), 'tidelock-bench-'));

async function putAll(mvcc: Mvcc, buffer: WriteBuffer, orderOf: (at: number) => number) {
  let flush: Promise<void> = Promise.resolve();
  let busyMs = 0;
  const startMs = performance.now();
  for (let at = 0; at < keyCount; ) {
    const turnMs = performance.now();
    for (let turn = 0; turn < FLUSH_ROWS && at < keyCount; turn++, at++) {
      const write = mvcc.begin();
      write.put(keyOf(orderOf(at)), VALUE, 0n, false);
      write.commit();
    }
    busyMs += performance.now() - turnMs;
    await flush;
    flush = buffer.flush();
  }
  await flush;
  report('mvcc: put, one revision each', keyCount, startMs);
  console.log(`  of which in Mvcc itself ${((busyMs / keyCount) * 1000).toFixed(2)} us`);
}

async function openStore(): Promise<{ backend: LmdbBackend; buffer: WriteBuffer; mvcc: Mvcc }> {
  const backend = LmdbBackend.open(join(directory, 'mvcc'));
  const buffer = new WriteBuffer(backend);
  return { backend, buffer, mvcc: await Mvcc.open({ backend, buffer }) };
}

async function benchMvcc(): Promise<void> {
  let { backend, buffer, mvcc } = await openStore();
  const scattered = (at: number): number => (at * 7919) % keyCount;
  console.log('-- new keys in scattered order');
  await putAll(mvcc, buffer, scattered);
  console.log('-- the same keys again');
  await putAll(mvcc, buffer, scattered);
  readAll(mvcc);
  let startMs = performance.now();
  mvcc.compact(mvcc.revision);
  let longestMs = 0;
  for (let isMore = true; isMore; ) {
    const stepMs = performance.now();
    isMore = mvcc.compactStep();
    longestMs = Math.max(longestMs, performance.now() - stepMs);
  }
  report('mvcc: compaction, per removed row', keyCount, startMs);
  console.log(`  longest step ${longestMs.toFixed(2)} ms`);
  await buffer.flush();
  await backend.close();
  globalThis.gc?.();
  const before = process.memoryUsage();
  startMs = performance.now();
  ({ backend, buffer, mvcc } = await openStore());
  report('mvcc: open, per key', keyCount, startMs);
  globalThis.gc?.();
  const after = process.memoryUsage();
  const own = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
  console.log(`  index: ${(own / keyCount).toFixed(0)} bytes a key; rss ${after.rss >> 20} MiB`);
  await backend.close();
}

function readAll(mvcc: Mvcc): void {
  let startMs = performance.now();
  for (let at = 0; at < READS; at++) mvcc.get(keyOf((at * 7919) % keyCount));
  report('mvcc: get', READS, startMs);
  startMs = performance.now();
  for (let at = 0; at < READS / 100; at++) {
    const start = keyOf((at * 7919) % (keyCount - 100));
    mvcc.range({ start, end: null }, { ...ALL, limit: 100 });
  }
  report('mvcc: range of 100, per pair', READS, startMs);
  startMs = performance.now();
  for (let at = 0; at < READS; at++) {
    const start = keyOf((at * 7919) % keyCount);
    mvcc.range({ start, end: null }, { ...ALL, countOnly: true });
  }
  report('mvcc: count of a range', READS, startMs);
}

async function benchRaw(): Promise<void> {
  const database = open<Uint8Array, Uint8Array>({
    path: join(directory, 'raw'),
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
    noSubdir: false,
  });
  let startMs = performance.now();
  let last: Promise<boolean> = Promise.resolve(true);
  for (let at = 0; at < keyCount; ) {
    const end = Math.min(at + FLUSH_ROWS, keyCount);
    await last;
    last = database.batch(() => {
      for (; at < end; at++) {
        const key = new Uint8Array(17);
        new DataView(key.buffer).setUint32(4, at + 2);
        const value = new Uint8Array(300);
        value.set(VALUE);
        void database.put(key, value);
      }
    });
  }
  await last;
  report('raw lmdb: put in batches, rows of 300 B', keyCount, startMs);
  const key = new Uint8Array(17);
  const view = new DataView(key.buffer);
  startMs = performance.now();
  for (let at = 0; at < READS; at++) {
    view.setUint32(4, 2 + ((at * 7919) % keyCount));
    database.get(key);
  }
  report('raw lmdb: get', READS, startMs);
  startMs = performance.now();
  for (let at = 0; at < READS / 100; at++) {
    view.setUint32(4, 2 + ((at * 7919) % (keyCount - 100)));
    for (const row of database.getRange({ start: key, limit: 100 })) void row;
  }
  report('raw lmdb: range of 100, per row', READS, startMs);
  await database.close();
}

try {
  await benchRaw();
  await benchMvcc();
} finally {
  rmSync(directory, { recursive: true });
}
