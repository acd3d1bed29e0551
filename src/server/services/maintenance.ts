import type { Alarm, Kernel } from '../../kernel/index.js';
import { isStoreError } from '../../store/index.js';
import { GRPC_STATUS } from '../../wire/errors.js';
import {
  AlarmRequest_AlarmAction as Action,
  AlarmType,
} from '../../wire/gen/etcdserverpb/maintenance_pb.js';
import { headerMessage } from '../../wire/header-message.js';
import { MAINTENANCE_METHODS as METHODS } from '../../wire/maintenance.js';
import { ETCD_VERSION, STORAGE_VERSION } from '../version.js';
import type { ServiceParts } from './service-parts.js';
import { serveSnapshot } from './snapshot-stream.js';
import { StatusError } from './status.js';

/** Alarms by their numbers in the interface. */
const ALARMS = [undefined, 'nospace', 'corrupt'] as const;

/** What etcd says when another member did not take the leadership over in time. */
const TRANSFER_TIMEOUT = 'etcdserver: request timed out, leader transfer took too long';

/**
 * The Maintenance service: what a member says about itself, its alarms, its state as a file, and
 * the leadership.
 */
export function registerMaintenance(parts: ServiceParts): void {
  const { kernel, registrar } = parts;

  const status = (): Uint8Array => METHODS.status.responseSerialize(statusMessage(kernel));
  registrar.unary(METHODS.status, status, 'all');
  registrar.unary(METHODS.alarm, async (message) => {
    const request = METHODS.alarm.requestDeserialize(message);
    const asked = ALARMS[request.alarm];
    const { action, memberID: memberId } = request;
    let alarms: readonly Alarm[] = [];
    if (action !== Action.ACTIVATE && action !== Action.DEACTIVATE) {
      alarms = kernel.alarms().filter(({ alarm }) => asked === undefined || alarm === asked);
    } else if (asked !== undefined) {
      const way = action === Action.ACTIVATE ? 'activate' : 'deactivate';
      alarms = await kernel.setAlarm(way, { memberId, alarm: asked });
    }
    return METHODS.alarm.responseSerialize({
      header: headerMessage(kernel.header()),
      alarms: alarms.map(({ memberId: memberID, alarm }) => {
        return { memberID, alarm: alarm === 'nospace' ? AlarmType.NOSPACE : AlarmType.CORRUPT };
      }),
    });
  });
  registrar.patientUnary(METHODS.hash, async () => {
    const hash = await kernel.hash();
    return METHODS.hash.responseSerialize({ header: headerMessage(kernel.header()), hash });
  });
  registrar.patientUnary(METHODS.hashKv, async (message) => {
    const { revision } = METHODS.hashKv.requestDeserialize(message);
    const { hash, hashRevision, compactRevision } = await kernel.hashKv(Number(revision));
    return METHODS.hashKv.responseSerialize({
      header: headerMessage(kernel.header()),
      hash,
      compactRevision: BigInt(compactRevision),
      hashRevision: BigInt(hashRevision),
    });
  });
  registrar.serverStream(METHODS.snapshot, (call) => serveSnapshot(parts, call));
  registrar.patientUnary(METHODS.defragment, async () => {
    await kernel.defragment();
    return METHODS.defragment.responseSerialize({});
  });
  registrar.unary(METHODS.moveLeader, async (message) => {
    const { targetID } = METHODS.moveLeader.requestDeserialize(message);
    try {
      await kernel.moveLeader(targetID);
    } catch (error) {
      if (!isStoreError(error, 'Timeout')) throw error;
      throw new StatusError(GRPC_STATUS.UNKNOWN, TRANSFER_TIMEOUT);
    }
    return METHODS.moveLeader.responseSerialize({});
  });
}

function statusMessage(kernel: Kernel) {
  const status = kernel.status();
  return {
    header: headerMessage(kernel.header()),
    version: ETCD_VERSION,
    // etcdctl divides by it.
    dbSize: BigInt(Math.max(1, status.dbSizeBytes)),
    dbSizeInUse: BigInt(status.dbSizeInUseBytes),
    leader: status.leader,
    raftIndex: BigInt(status.committedIndex),
    raftAppliedIndex: BigInt(status.appliedIndex),
    raftTerm: BigInt(status.raftTerm),
    errors: [...status.errors],
    isLearner: status.isLearner,
    storageVersion: STORAGE_VERSION,
    dbSizeQuota: status.quotaBytes === 0 ? -1n : BigInt(status.quotaBytes),
    downgradeInfo: {},
  };
}
