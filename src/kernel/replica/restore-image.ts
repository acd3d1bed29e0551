import { type Backend, type BackendWrite, BUCKETS } from '../../ports/backend.js';
import type { Disk } from '../../ports/disk.js';
import { EMPTY_BYTES } from '../../store/index.js';
import { memberOfAlarm } from '../apply/alarms.js';
import { Members } from '../apply/members.js';
import type { MemberRecord } from '../codec/command.js';
import { keyText } from '../codec/key-text.js';
import { readCompactRow, readStateRow, writeStateRow, writeCompactRow } from '../mvcc/meta-rows.js';
import { WriteBuffer } from '../mvcc/write-buffer.js';
import type { SnapshotMark } from '../raft/types.js';
import type { ImageHeader } from '../snapshot/image-format.js';
import { ImageReader } from '../snapshot/image-reader.js';
import { Wal } from '../wal/wal.js';
import { readAppliedRow, writeAppliedRow } from './applied-row.js';
import { firstConfState } from './first-conf-state.js';
import { encodeOrigin, type Identity } from './identity.js';
import { RevisionBump } from './revision-bump.js';

/** What a data directory is made from, and for whom. */
export interface RestoreOptions {
  /** An empty data directory, */
  readonly disk: Disk;
  /** and an empty backend in it. */
  readonly backend: Backend;
  /** The image, without what a transport added. */
  readonly image: AsyncIterable<Uint8Array>;
  readonly walSegmentBytes?: number;
  /** Who the member of this directory will be. */
  readonly identity: Identity;
  /** The first members of the new cluster, the one of this directory among them. */
  readonly members: readonly MemberRecord[];
  /**
   * Added to the revision, so that no revision which a client may have seen after the image was
   * taken comes again. Everything up to the new revision then counts as compacted: watchers that
   * were ahead of the image hear so.
   */
  readonly revisionBump?: number;
}

/** Every member of the new cluster begins at the same entry, which is in no log. */
const FIRST_PLACE = { index: 1, term: 1 } as const;
const WAL_DIRECTORY = 'wal';

/**
 * Makes a data directory for a member of a new cluster that begins with the state of an image.
 * Every member of that cluster is restored from the same image with the same members and the same
 * bump. Keys, history and leases stay; members, log and ids are new. The log is made last: a
 * directory that was not finished is refused by whoever opens it.
 * @returns what the image said of itself
 * @throws StateImageError, DiskError; an Error when the place is not empty or the backend fails
 *
 * @example
 * const member = { id: 1n, name: 'one', peerUrls: [], clientUrls: [], isLearner: false };
 * const identity = { clusterId: 8n, memberId: member.id, directoryNonce: 4711n };
 * const { disk, backend } = ports;
 * await restoreImage({ disk, backend, image, identity, members: [member] });
 */
export async function restoreImage(options: RestoreOptions): Promise<ImageHeader> {
  const { disk, backend, identity, members, walSegmentBytes } = options;
  if (!members.some(({ id }) => id === identity.memberId)) {
    throw new Error('the member of this directory is not among the members');
  }
  const isEmpty = BUCKETS.every((bucket) => backend.count(bucket) === 0);
  if (!isEmpty || (await Wal.exists(disk, WAL_DIRECTORY))) {
    throw new Error('there is a state in this place already');
  }
  const origin = { identity, members, joins: false };
  const mark: SnapshotMark = { ...FIRST_PLACE, confState: firstConfState(origin) };
  const reader = new ImageReader();
  await backend.replace(restoredRows(options, reader, mark));
  const wal = await Wal.create(
    {
      disk,
      directory: WAL_DIRECTORY,
      ...(walSegmentBytes === undefined ? {} : { segmentBytes: walSegmentBytes }),
    },
    encodeOrigin(origin),
    mark,
  );
  await wal.close();
  return reader.end();
}

/** The rows of the image, with those that tell of the cluster replaced by those of the new one. */
async function* restoredRows(
  options: RestoreOptions,
  reader: ImageReader,
  mark: SnapshotMark,
): AsyncIterable<readonly BackendWrite[]> {
  const meta = new Map<string, Uint8Array>();
  const bump = options.revisionBump ? new RevisionBump(options.revisionBump) : undefined;
  for await (const bytes of options.image) {
    const rows = reader.push(bytes);
    for (const row of rows) {
      if (row.bucket === 'meta') meta.set(keyText(row.key), row.value);
      else if (row.bucket === 'key') bump?.pass(row);
    }
    yield rows.filter((row) => isKept(row, options.members));
  }
  reader.end();
  const buffer = new WriteBuffer(options.backend);
  new Members(buffer).found(options.members);
  const source = {
    get: (_: string, key: Uint8Array): Uint8Array | undefined => meta.get(keyText(key)),
  };
  const state = readStateRow(source);
  if (state === undefined || readAppliedRow(source) === undefined) {
    throw new Error('the image holds no state');
  }
  for (const name of ['scheduled', 'finished'] as const) {
    const compacted = readCompactRow(source, name);
    if (compacted >= 0) writeCompactRow(buffer, name, compacted);
  }
  if (bump !== undefined) yield [bump.writeTo(buffer, state)];
  else writeStateRow(buffer, state);
  writeAppliedRow(buffer, mark);
  const own = BUCKETS.flatMap((bucket) =>
    Array.from(buffer.range(bucket, EMPTY_BYTES, undefined, 0), (row) => ({ bucket, ...row })),
  );
  yield own;
}

/** What tells of the old cluster stays behind, alarms of its members too. */
function isKept({ bucket, key }: BackendWrite, members: readonly MemberRecord[]): boolean {
  if (bucket === 'alarm') return members.some(({ id }) => id === memberOfAlarm(key));
  return bucket !== 'meta' && bucket !== 'members';
}
