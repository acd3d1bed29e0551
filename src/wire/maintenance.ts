import { Maintenance } from './gen/etcdserverpb/maintenance_pb.js';
import { messageMethod } from './message-method.js';

/** The rpcs of the Maintenance service. */
export const MAINTENANCE_METHODS = {
  alarm: messageMethod(Maintenance.method.alarm),
  status: messageMethod(Maintenance.method.status),
  defragment: messageMethod(Maintenance.method.defragment),
  hash: messageMethod(Maintenance.method.hash),
  hashKv: messageMethod(Maintenance.method.hashKV),
  snapshot: messageMethod(Maintenance.method.snapshot),
  moveLeader: messageMethod(Maintenance.method.moveLeader),
  downgrade: messageMethod(Maintenance.method.downgrade),
} as const;
