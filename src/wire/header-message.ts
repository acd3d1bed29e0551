import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ResponseHeader } from '../store/index.js';
import type { ResponseHeaderSchema } from './gen/etcdserverpb/header_pb.js';

/** A header for a message of protobuf-es. The Cluster service gives its own without a revision: 0. */
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
