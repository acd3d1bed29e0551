import type { MemberRecord } from '../../kernel/index.js';
import { CLUSTER_METHODS as METHODS } from '../../wire/cluster.js';
import { headerMessage } from '../../wire/header-message.js';
import { addedMemberIdOf } from '../config/cluster-ids.js';
import { readPeerUrls } from './peer-urls.js';
import type { QuorumGuard } from './quorum-guard.js';
import type { ServiceParts } from './service-parts.js';

/**
 * The Cluster service. A member that is added gets its id here, as etcd computes it; whether it may
 * come, go or vote the kernel decides. Every answer has all members, as they are after the change.
 */
export function registerCluster(parts: ServiceParts, guard: QuorumGuard): void {
  const { kernel, registrar } = parts;
  const answer = (members: readonly MemberRecord[]) => ({
    header: headerMessage(kernel.header(), 0),
    members: members.map(memberMessage),
  });

  registrar.unary(METHODS.memberList, async (message) => {
    const { linearizable } = METHODS.memberList.requestDeserialize(message);
    return METHODS.memberList.responseSerialize(answer(await kernel.members(linearizable)));
  });
  registrar.unary(METHODS.memberAdd, async (message) => {
    const request = METHODS.memberAdd.requestDeserialize(message);
    const peerUrls = readPeerUrls(request.peerURLs).toSorted();
    const id = addedMemberIdOf(peerUrls, kernel.store.clock.wall() / 1000);
    const { isLearner } = request;
    await guard.checkAdd(isLearner);
    const member: MemberRecord = { id, name: '', peerUrls, clientUrls: [], isLearner };
    const members = await kernel.addMember(member);
    return METHODS.memberAdd.responseSerialize({
      ...answer(members),
      member: memberMessage(member),
    });
  });
  registrar.unary(METHODS.memberRemove, async (message) => {
    const { ID: id } = METHODS.memberRemove.requestDeserialize(message);
    await guard.checkRemove(id);
    return METHODS.memberRemove.responseSerialize(answer(await kernel.removeMember(id)));
  });
  registrar.unary(METHODS.memberUpdate, async (message) => {
    const { ID: id, peerURLs } = METHODS.memberUpdate.requestDeserialize(message);
    const members = await kernel.updateMember(id, readPeerUrls(peerURLs));
    return METHODS.memberUpdate.responseSerialize(answer(members));
  });
  registrar.unary(METHODS.memberPromote, async (message) => {
    const { ID: id } = METHODS.memberPromote.requestDeserialize(message);
    return METHODS.memberPromote.responseSerialize(answer(await kernel.promoteMember(id)));
  });
}

function memberMessage({ id, name, peerUrls, clientUrls, isLearner }: MemberRecord) {
  return { ID: id, name, peerURLs: [...peerUrls], clientURLs: [...clientUrls], isLearner };
}
