import { Health } from './gen/grpc/health/v1/health_pb.js';
import { messageMethod } from './message-method.js';

/** The rpcs of gRPC's own health protocol. */
export const HEALTH_METHODS = {
  check: messageMethod(Health.method.check),
  list: messageMethod(Health.method.list),
  watch: messageMethod(Health.method.watch),
} as const;
