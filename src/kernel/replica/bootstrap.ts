import type { Backend } from '../../ports/backend.js';
import type { Clock } from '../../ports/clock.js';
import type { Disk } from '../../ports/disk.js';
import type { Meter, Trace } from '../../ports/trace.js';
import { Alarms } from '../apply/alarms.js';
import { Members } from '../apply/members.js';
import { ByteReader, ByteWriter, CodecError } from '../codec/bytes.js';
import { Lessor } from '../lease/lessor.js';
import { Mvcc } from '../mvcc/mvcc.js';
import { WriteBuffer } from '../mvcc/write-buffer.js';
import type { RestoredState } from '../raft/config.js';
import { EMPTY_CONF_STATE, type SnapshotMark } from '../raft/types.js';
import { Wal, type WalContent } from '../wal/wal.js';
import { type AppliedState, readAppliedRow } from './applied-row.js';
import { leaseTtlMinSeconds, type ReplicaSettings } from './settings.js';

/** Who a member is, for ever: written into the first record of its log. */
export interface Identity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

export interface BootstrapOptions {
  readonly disk: Disk;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly meter: Meter | undefined;
  readonly settings: ReplicaSettings;
  /** For a new member; one that has a log keeps the identity in it. */
  readonly identity: Identity;
  readonly onProgress?: (rows: number, total: number) => void;
}

/** Everything that a member's loop is built from, as it was when the member last stopped. */
export interface Bootstrapped {
  readonly identity: Identity;
  readonly wal: Wal;
  readonly raft: RestoredState;
  readonly buffer: WriteBuffer;
  readonly mvcc: Mvcc;
  readonly lessor: Lessor;
  readonly alarms: Alarms;
  readonly members: Members;
  readonly applied: AppliedState;
}

/** The log and the backend do not fit together; starting would lose what was acknowledged. */
export class StateMismatchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StateMismatchError';
  }
}

const WAL_DIRECTORY = 'wal';
const METADATA_FORMAT = 1;

function encodeIdentity(identity: Identity): Uint8Array {
  return new ByteWriter(20)
    .u8(METADATA_FORMAT)
    .u64(identity.clusterId)
    .u64(identity.memberId)
    .finish();
}

function decodeIdentity(metadata: Uint8Array): Identity {
  const reader = new ByteReader(metadata);
  const format = reader.u8();
  if (format !== METADATA_FORMAT) throw new CodecError(`log metadata of format ${format}`);
  const identity = { clusterId: reader.u64(), memberId: reader.u64() };
  reader.end();
  return identity;
}

async function openWal(
  options: BootstrapOptions,
  applied: AppliedState | undefined,
): Promise<{ readonly wal: Wal; readonly content: WalContent }> {
  const { disk, clock, meter, settings, identity } = options;
  const walOptions = {
    disk,
    clock,
    directory: WAL_DIRECTORY,
    segmentBytes: settings.walSegmentBytes,
    onSync: (seconds: number, bytes: number): void => {
      meter?.observe('walFsyncSeconds', seconds);
      meter?.observe('walWriteBytes', bytes);
    },
  };
  if (await Wal.exists(disk, WAL_DIRECTORY)) return await Wal.open(walOptions);
  if (applied !== undefined) {
    throw new StateMismatchError(
      `the backend holds entries up to ${applied.index}, but there is no log: ` +
        'it was removed; restore the directory as a whole',
    );
  }
  const metadata = encodeIdentity(identity);
  const mark: SnapshotMark = {
    index: 0,
    term: 0,
    confState: { ...EMPTY_CONF_STATE, voters: [identity.memberId] },
  };
  const wal = await Wal.create(walOptions, metadata, mark);
  const hardState = { term: 0, vote: 0n, commit: 0 };
  return { wal, content: { metadata, hardState, mark, entries: [], cutBytes: 0 } };
}

/** What the log says must be in the backend, and the other way round. */
function checkAgreement(content: WalContent, mark: SnapshotMark, applied: AppliedState): void {
  const lastIndex = content.entries.at(-1)?.index ?? mark.index;
  if (applied.index < mark.index) {
    throw new StateMismatchError(
      `the backend holds entries up to ${applied.index}, but the log begins after ${mark.index}: ` +
        'the database file is older than the log or was removed; restore the directory as a whole',
    );
  }
  if (applied.index > lastIndex) {
    throw new StateMismatchError(
      `the backend holds entries up to ${applied.index}, but the log ends at ${lastIndex}: ` +
        'the log lost entries that were acknowledged; restore the directory as a whole',
    );
  }
}

/**
 * Reads a member's state from its disk and backend, or makes that of a new one.
 * @throws WalCorruptError, StateMismatchError, CodecError, DiskError: the member must not start
 */
export async function bootstrap(options: BootstrapOptions): Promise<Bootstrapped> {
  const buffer = new WriteBuffer(options.backend);
  const durable = readAppliedRow(buffer);
  const { wal, content } = await openWal(options, durable);
  try {
    return await restore(options, buffer, durable, wal, content);
  } catch (error) {
    await wal.abandon();
    throw error;
  }
}

async function restore(
  options: BootstrapOptions,
  buffer: WriteBuffer,
  durable: AppliedState | undefined,
  wal: Wal,
  content: WalContent,
): Promise<Bootstrapped> {
  const mark = content.mark;
  if (mark === undefined) throw new StateMismatchError('the log has no snapshot mark');
  const applied = durable ?? { index: 0, term: 0, confState: mark.confState };
  checkAgreement(content, mark, applied);
  const lessor = new Lessor({ buffer, minTtlSeconds: leaseTtlMinSeconds(options.settings) });
  lessor.restore();
  const mvcc = await Mvcc.open({
    backend: options.backend,
    buffer,
    onLeasedKey: (key, lease) => lessor.restoreAttachment(key, lease),
    onCheckpointRefused: (reason) => {
      options.trace.event('warn', 'index checkpoint not used, reading all rows', { reason });
    },
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  return {
    identity: decodeIdentity(content.metadata),
    wal,
    raft: { hardState: content.hardState, mark, entries: content.entries, applied: applied.index },
    buffer,
    mvcc,
    lessor,
    alarms: new Alarms(buffer),
    members: new Members(buffer),
    applied,
  };
}
