import { Cluster } from './gen/etcdserverpb/cluster_pb.js';
import { messageMethod } from './message-method.js';

/** The rpcs of the Cluster service. Their headers carry no revision: see `headerMessage`. */
export const CLUSTER_METHODS = {
  memberAdd: messageMethod(Cluster.method.memberAdd),
  memberRemove: messageMethod(Cluster.method.memberRemove),
  memberUpdate: messageMethod(Cluster.method.memberUpdate),
  memberList: messageMethod(Cluster.method.memberList),
  memberPromote: messageMethod(Cluster.method.memberPromote),
} as const;
