import { DEFAULT_SETTINGS, type Kernel } from '../kernel/index.js';
import type { Meter, Trace } from '../ports/trace.js';
import { isStoreError, LIMITS, type Store } from '../store/index.js';
import { clusterIdOf, memberIdOf } from './config/cluster-ids.js';
import { embeddedStore } from './embedded-store.js';
import { openMember } from './member.js';

/** How to open a store in this process. */
export interface EmbeddedOptions {
  /** Where everything is kept; made if it is missing. One process at a time may have it open. */
  readonly dataDir: string;
  /** Largest request in bytes; 1.5 MiB by default. */
  readonly requestBytesMax?: number;
  /** Most comparisons and operations of one txn; 128 by default. */
  readonly txnOperationsMax?: number;
  /** Size at which writes are refused, in bytes; 2 GiB by default, 0 for no quota. */
  readonly quotaBytes?: number;
  /** What the member reports about itself; nothing is written anywhere by default. */
  readonly trace?: Trace;
}

/** An embedded member has no address; this stands for one where ids are made. */
const EMBEDDED_PEER = 'tidelock://embedded';

/**
 * Opens a store inside this process: the real kernel on a directory, without sockets. Closing the
 * store closes the kernel and gives the directory back; until then the process stays alive.
 *
 * @example
 * await using store = await openEmbedded({ dataDir: './data' });
 * await store.put({ key: 'greeting', value: 'hello' });
 *
 * @throws StartFailure when the directory is used by another process, or cannot be trusted
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Store> {
  const memberId = memberIdOf([EMBEDDED_PEER], '');
  const member = {
    id: memberId,
    name: 'embedded',
    peerUrls: [],
    clientUrls: [],
    isLearner: false,
  };
  const opened = await openMember({
    dataDir: options.dataDir,
    settings: {
      ...DEFAULT_SETTINGS,
      requestBytesMax: options.requestBytesMax ?? LIMITS.requestBytes,
      txnOperationsMax: options.txnOperationsMax ?? LIMITS.txnOperations,
      quotaBytes: options.quotaBytes ?? LIMITS.quotaBackendBytes,
      raisesNoSpace: false,
    },
    begin: () => Promise.resolve({ clusterId: clusterIdOf([memberId]), member, known: [] }),
    trace: options.trace ?? SILENT_TRACE,
    meter: SILENT_METER,
  });
  await clearNoSpace(opened.kernel);
  return embeddedStore(opened);
}

/**
 * Nobody reaches the alarms of an embedded store, so one that was raised when they were would
 * refuse writes for ever. Where it cannot be cleared it stays, and reads go on.
 */
async function clearNoSpace(kernel: Kernel): Promise<void> {
  const raised = kernel.alarms().filter(({ alarm }) => alarm === 'nospace');
  try {
    for (const alarm of raised) await kernel.setAlarm('deactivate', alarm);
  } catch (error) {
    if (!isStoreError(error)) throw error;
  }
}

const SILENT_TRACE: Trace = { event: () => {} };
const SILENT_METER: Meter = { observe: () => {} };
