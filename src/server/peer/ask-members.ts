import { Client, credentials } from '@grpc/grpc-js';
import type { MemberRecord } from '../../kernel/index.js';
import { LIMITS } from '../../store/index.js';
import { bytesOnly } from '../../wire/method.js';
import { PEER_METHODS } from '../../wire/peer.js';

/** The cluster as one of its members tells it. */
export interface ClusterReport {
  readonly clusterId: bigint;
  /** The member that told. */
  readonly memberId: bigint;
  readonly members: readonly MemberRecord[];
}

/** How a cluster is asked; tests answer themselves. */
export type AskMembers = (
  urls: readonly string[],
  timeoutMs: number,
) => Promise<readonly ClusterReport[]>;

const MEMBERS = bytesOnly(PEER_METHODS.members);

/**
 * Asks everybody behind these peer addresses who is in the cluster, all at once, and returns what
 * those say that answer in time. Never rejects: silence is an answer too.
 */
export const askMembers: AskMembers = async (urls, timeoutMs) => {
  const asked = await Promise.all(urls.map((url) => askMember(url, timeoutMs)));
  return asked.filter((report) => report !== undefined);
};

function askMember(url: string, timeoutMs: number): Promise<ClusterReport | undefined> {
  const client = new Client(url.replace(/^[a-z]+:\/\//, ''), credentials.createInsecure(), {
    'grpc.max_receive_message_length': LIMITS.peerBatchBytes,
    'grpc.enable_http_proxy': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
  });
  return new Promise((resolve) => {
    const { path, requestSerialize, responseDeserialize } = MEMBERS;
    const request = PEER_METHODS.members.requestSerialize({});
    const options = { deadline: Date.now() + timeoutMs };
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      options,
      (error, bytes) => {
        client.close();
        resolve(error === null && bytes !== undefined ? reportOf(bytes) : undefined);
      },
    );
  });
}

function reportOf(bytes: Buffer): ClusterReport | undefined {
  try {
    const { clusterId, memberId, members } = PEER_METHODS.members.responseDeserialize(bytes);
    return {
      clusterId,
      memberId,
      members: members.map(({ id, name, peerUrls, clientUrls, isLearner }) => {
        return { id, name, peerUrls, clientUrls, isLearner };
      }),
    };
  } catch {
    // Whatever answered there is no member.
    return undefined;
  }
}
