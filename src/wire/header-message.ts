import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ResponseHeader } from '../store/index.js';
import type { ResponseHeaderSchema } from './gen/etcdserverpb/header_pb.js';

/** A header for a message of protobuf-es. Those of the Cluster service carry no revision: 0. */
export function headerMessage(
  header: ResponseHeader,
  revision: number = header.revision,
): MessageInitShape<typeof ResponseHeaderSchema> {
  return {
    clusterId: header.clusterId,
    memberId: header.memberId,
    revision: BigInt(revision),
    raftTerm: BigInt(header.raftTerm),
  };
}
