import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DataDirectory } from '../host/data-directory.js';
import {
  type ImageHeader,
  type MemberRecord,
  restoreImage,
  StateImageError,
} from '../kernel/index.js';
import { LIMITS } from '../store/index.js';
import { parseCluster } from './config/initial-cluster.js';
import { type GivenFlags, Settings } from './config/settings.js';
import { firstMembers } from './first-members.js';
import { openMachine } from './machine.js';
import type { World } from './member.js';
import { SnapshotFile, SnapshotFileError } from './snapshot-file.js';
import { StartFailure, startFailure } from './start-failure.js';

/** Which snapshot becomes the data directory of which member. */
export interface RestoreRequest {
  /** The snapshot file. */
  readonly path: string;
  /** Must not exist, or be empty. */
  readonly dataDir: string;
  readonly name: string;
  /**
   * `initial-cluster`, `initial-cluster-token` and `initial-advertise-peer-urls`, as for a member
   * that starts; by default a cluster of one.
   */
  readonly flags: GivenFlags;
  /** Added to the revision, and all before then counts as compacted. */
  readonly revisionBump?: number;
  readonly skipHashCheck?: boolean;
  readonly signal?: AbortSignal;
}

/** What was made. */
export interface Restored {
  readonly dataDir: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The revision that the member will begin at. */
  readonly revision: number;
  readonly memberCount: number;
}

/** Beside the directory that is to be: what is in it was not finished. */
const UNFINISHED = '.restoring';
/** Parts of a data directory that a restore makes. */
const LEFT_OVER = ['db', 'wal'] as const;

/**
 * Makes the data directory of one member of a new cluster from a snapshot file. Everything is made
 * under another name beside the directory and appears under its own in one step, so that there is a
 * whole directory or none, whenever it is cut off.
 * @throws ConfigError for flags that describe no cluster, SnapshotFileError, StartFailure
 *
 * @example
 * const { revision } = await restoreSnapshot({
 *   path: 'backup.db',
 *   dataDir: './restored',
 *   name: 'default',
 *   flags: {},
 * });
 */
export async function restoreSnapshot(request: RestoreRequest): Promise<Restored> {
  const { name, flags, path } = request;
  const cluster = parseCluster(new Settings({ ...flags, name }, {}), name);
  if (cluster.fault !== undefined) throw cluster.fault;
  const dataDir = resolve(request.dataDir);
  await mustBeEmpty(dataDir);
  const { memberId, clusterId } = cluster;
  const members = firstMembers(cluster);
  const file = await SnapshotFile.open(path);
  try {
    const { revision } = await makeDirectory(request, dataDir, file, {
      memberId,
      clusterId,
      members,
    });
    const shown = { dataDir, clusterId, memberId, memberCount: members.length };
    return { ...shown, revision: revision + (request.revisionBump ?? 0) };
  } catch (error) {
    throw explain(error, file, request);
  } finally {
    await file.close();
  }
}

interface NewMember {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly members: readonly MemberRecord[];
}

async function makeDirectory(
  { revisionBump, skipHashCheck, signal }: RestoreRequest,
  dataDir: string,
  file: SnapshotFile,
  { memberId, clusterId, members }: NewMember,
): Promise<ImageHeader> {
  const unfinished = `${dataDir}${UNFINISHED}`;
  const { disk, openBackend, random, release } = await openFresh(unfinished);
  try {
    let header: ImageHeader;
    try {
      const backend = openBackend();
      try {
        header = await restoreImage({
          disk,
          backend,
          image: file.image(signal),
          walSegmentBytes: LIMITS.walSegmentBytes,
          identity: { clusterId, memberId, directoryNonce: random.int63() },
          members,
          ...(revisionBump === undefined ? {} : { revisionBump }),
        });
        if (skipHashCheck !== true) await file.check();
        signal?.throwIfAborted();
      } finally {
        await backend.close();
      }
    } finally {
      await release();
    }
    await appear(unfinished, dataDir);
    return header;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

/** Opens a directory for this process alone, without what an earlier restore has left in it. */
async function openFresh(unfinished: string): Promise<World> {
  const directory = await DataDirectory.open(unfinished);
  if (!directory.isNew) {
    for (const name of LEFT_OVER)
      await rm(join(unfinished, name), { recursive: true, force: true });
  }
  await directory.close();
  return await openMachine(unfinished);
}

/** One step; an empty directory may be in the place. */
async function appear(unfinished: string, dataDir: string): Promise<void> {
  try {
    await rename(unfinished, dataDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    const advice = 'restore into a new directory inside it';
    throw new StartFailure(`data directory ${dataDir}: is a mount point; ${advice}`, error);
  }
  const parent = await open(dirname(dataDir), 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

/** What went wrong in the words of the file, of the caller's signal, or of the directory. */
function explain(error: unknown, file: SnapshotFile, request: RestoreRequest): unknown {
  request.signal?.throwIfAborted();
  if (error instanceof SnapshotFileError) return error;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof StateImageError) return file.fault(cause.message, error);
  }
  return startFailure(request.dataDir, error);
}

async function mustBeEmpty(dataDir: string): Promise<void> {
  const names = await readdir(dataDir).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw startFailure(dataDir, error);
  });
  if (names.length === 0) return;
  throw new StartFailure(
    `data directory ${dataDir}: is not empty; restore into a new one, and nothing is overwritten`,
  );
}
