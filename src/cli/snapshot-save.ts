import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ClusterAdmin, type SnapshotPiece } from '../client/index.js';
import { byteSize } from './byte-size.js';
import { CliError } from './cli-error.js';
import { EXIT_CODE } from './exit-code.js';
import type { CommandRun } from './store-command.js';
import { WaitingLine } from './waiting-line.js';

const HASH_BYTES = 32;
/** What comes before the hash is a multiple of this. */
const ALIGNMENT_BYTES = 512;
const FILE_MODE = 0o600;

/**
 * Saves the state of the one member behind an endpoint. The file appears under its name only when
 * all of it has arrived, agrees with its hash and is on the disk; until then it is called `.part`,
 * and whatever goes wrong takes that away.
 */
export async function saveSnapshot(path: string, run: CommandRun): Promise<number> {
  const { endpoints, interrupt, connectTimeoutMs, output } = run;
  if (endpoints.split(',').filter((text) => text.trim() !== '').length > 1) {
    const message = 'a snapshot is of one member; give one endpoint';
    throw new CliError(EXIT_CODE.usage, message);
  }
  const options = { timeoutMs: connectTimeoutMs, signal: interrupt.signal };
  await using admin = new ClusterAdmin(endpoints, options);
  const startMs = performance.now();
  const { endpoint, pieces } = await admin.snapshot();
  const saved = await writeWhole(resolve(path), pieces);
  const seconds = (performance.now() - startMs) / 1000;
  const { byteCount: sizeBytes, sha256, version } = saved;
  output.write({ revision: null, file: path, endpoint, sizeBytes, sha256, version }, () => [
    `saved ${path}: ${byteSize(sizeBytes)} from ${endpoint} in ${seconds.toFixed(1)} s`,
  ]);
  return EXIT_CODE.done;
}

interface Saved {
  readonly byteCount: number;
  readonly sha256: string;
  readonly version: string;
}

async function writeWhole(path: string, pieces: AsyncIterable<SnapshotPiece>): Promise<Saved> {
  const part = `${path}.part`;
  const file = await open(part, 'w', FILE_MODE);
  try {
    let saved: Saved;
    try {
      saved = await writePieces(file, pieces);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
    await syncDirectory(dirname(path));
    return saved;
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** @throws CliError when what arrived is not whole */
async function writePieces(file: FileHandle, pieces: AsyncIterable<SnapshotPiece>): Promise<Saved> {
  const hash = createHash('sha256');
  let tail = Buffer.alloc(0);
  let [byteCount, remaining, version] = [0, 0, ''];
  using _line = new WaitingLine(() =>
    Promise.resolve(`saving: ${byteSize(byteCount)} of ${byteSize(byteCount + remaining)}`),
  );
  for await (const piece of pieces) {
    await file.write(piece.bytes);
    byteCount += piece.bytes.length;
    remaining = piece.remainingBytes;
    version = piece.version;
    // The hash is of all but the last bytes, which are the hash.
    const seen = Buffer.concat([tail, piece.bytes]);
    const end = Math.max(0, seen.length - HASH_BYTES);
    hash.update(seen.subarray(0, end));
    tail = seen.subarray(end);
  }
  const sha256 = hash.digest('hex');
  if (byteCount % ALIGNMENT_BYTES !== HASH_BYTES || tail.toString('hex') !== sha256) {
    const message = `what arrived is not the whole state (${byteCount} bytes); nothing was saved`;
    throw new CliError(EXIT_CODE.error, message);
  }
  return { byteCount, sha256, version };
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
