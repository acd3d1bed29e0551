import type { Backend } from '../../ports/backend.js';
import type { Clock } from '../../ports/clock.js';
import type { Disk } from '../../ports/disk.js';
import type { Meter, Trace } from '../../ports/trace.js';
import { Alarms } from '../apply/alarms.js';
import { Members } from '../apply/members.js';
import { REPLACE_MEMBER } from '../codec/replace-member.js';
import { Lessor } from '../lease/lessor.js';
import { Mvcc } from '../mvcc/mvcc.js';
import { WriteBuffer } from '../mvcc/write-buffer.js';
import type { RestoredState } from '../raft/config.js';
import type { SnapshotMark } from '../raft/types.js';
import { Wal, type WalContent } from '../wal/wal.js';
import { type AppliedState, readAppliedRow } from './applied-row.js';
import { finishInstall, logHolds } from './finish-install.js';
import { firstConfState } from './first-conf-state.js';
import { forceAlone, isAlone } from './force-alone.js';
import { decodeOrigin, encodeOrigin, type Origin } from './identity.js';
import { leaseTtlMinSeconds, type ReplicaSettings } from './settings.js';

export interface BootstrapOptions {
  readonly disk: Disk;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly meter: Meter | undefined;
  readonly settings: ReplicaSettings;
  /** For a new member; one that has a log keeps what is in it. */
  readonly origin: Origin;
  /** Drops all other members, whatever the log says of them. */
  readonly forceAlone: boolean;
  readonly onProgress?: (rows: number, total: number) => void;
}

/** Everything that a member's loop is built from, as it was when the member last stopped. */
export interface Bootstrapped {
  readonly origin: Origin;
  readonly wal: Wal;
  readonly raft: RestoredState;
  readonly buffer: WriteBuffer;
  readonly mvcc: Mvcc;
  readonly lessor: Lessor;
  readonly alarms: Alarms;
  readonly members: Members;
  readonly applied: AppliedState;
}

/**
 * The log and the backend do not fit together; starting would lose what was acknowledged.
 *
 * @example
 * try {
 *   const member = { id: 1n, name: 'one', peerUrls: [], clientUrls: [], isLearner: false };
 *   await openKernel({ ...ports, settings: DEFAULT_SETTINGS, clusterId: 7n, member });
 * } catch (error) {
 *   if (!(error instanceof StateMismatchError)) throw error;
 *   log.warn(error.message);
 * }
 */
export class StateMismatchError extends Error {
  constructor(message: string) {
    super(`${message}. ${REPLACE_MEMBER}`);
    this.name = 'StateMismatchError';
  }
}

const WAL_DIRECTORY = 'wal';
async function openWal(
  options: BootstrapOptions,
  applied: AppliedState | undefined,
): Promise<{ readonly wal: Wal; readonly content: WalContent }> {
  const { disk, clock, meter, settings, origin } = options;
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
      `the backend holds entries up to ${applied.index}, but there is no log: ` + 'it was removed',
    );
  }
  const metadata = encodeOrigin(origin);
  const mark: SnapshotMark = { index: 0, term: 0, confState: firstConfState(origin) };
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
        'the database file is older than the log or was removed',
    );
  }
  if (applied.index > lastIndex) {
    throw new StateMismatchError(
      `the backend holds entries up to ${applied.index}, but the log ends at ${lastIndex}: ` +
        'the log lost entries that were acknowledged',
    );
  }
  if (!logHolds(content, applied)) {
    throw new StateMismatchError(
      `the backend holds entry ${applied.index} of term ${applied.term}, and the log another one ` +
        'there: the two are not of one member',
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
    const log = await finishInstall(options.disk, wal, content, durable);
    return await restore(options, buffer, durable, wal, log);
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
  const origin = decodeOrigin(content.metadata);
  const log = await logToStartWith(options, origin, wal, content, applied);
  const lessor = new Lessor({ buffer, minTtlSeconds: leaseTtlMinSeconds(options.settings) });
  lessor.restore();
  const mvcc = await Mvcc.open({
    backend: options.backend,
    buffer,
    compactionBatchRows: options.settings.compactionBatchRows,
    onLeasedKey: (key, lease) => lessor.restoreAttachment(key, lease),
    onCheckpointRefused: (reason) => {
      options.trace.event('warn', 'index checkpoint not used, reading all rows', { reason });
    },
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  const members = new Members(buffer);
  // The first members are in no entry; their rows become durable with the first flush.
  if (durable === undefined && !origin.joins) members.found(origin.members);
  return {
    origin,
    wal,
    raft: { ...log, mark, applied: applied.index, confState: applied.confState },
    buffer,
    mvcc,
    lessor,
    alarms: new Alarms(buffer),
    members,
    applied,
  };
}

/** The log as it is, or with an entry at its end that drops everyone else. */
async function logToStartWith(
  options: BootstrapOptions,
  { identity }: Origin,
  wal: Wal,
  content: WalContent,
  applied: AppliedState,
): Promise<Pick<RestoredState, 'hardState' | 'entries'>> {
  const { memberId } = identity;
  if (!options.forceAlone || isAlone(memberId, content, applied)) return content;
  const forced = forceAlone(memberId, content);
  await wal.append([forced.entry], forced.hardState, true);
  options.trace.event('warn', 'all other members dropped by force', {
    member: memberId.toString(16),
    index: forced.entry.index,
    term: forced.entry.term,
  });
  return { hardState: forced.hardState, entries: [...content.entries, forced.entry] };
}
