import { CLUSTER_METHODS } from '../../wire/cluster.js';
import { headerMessage } from '../../wire/header-message.js';
import type { ServiceParts } from './service-parts.js';

/** The Cluster service, as far as a cluster of one member has it: the list. */
export function registerCluster(parts: ServiceParts): void {
  const { kernel, registrar } = parts;
  registrar.unary(CLUSTER_METHODS.memberList, async (message) => {
    const request = CLUSTER_METHODS.memberList.requestDeserialize(message);
    const members = await kernel.members(request.linearizable);
    return CLUSTER_METHODS.memberList.responseSerialize({
      header: headerMessage(kernel.header(), 0),
      members: members.map((member) => ({
        ID: member.id,
        name: member.name,
        peerURLs: [...member.peerUrls],
        clientURLs: [...member.clientUrls],
        isLearner: member.isLearner,
      })),
    });
  });
}
