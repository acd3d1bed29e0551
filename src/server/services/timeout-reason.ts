import { StoreError } from '../../store/index.js';

/** How this member is connected to the others. */
export interface PeerConnections {
  /** Whether it has been connected to this member since then, by `performance.now`. */
  connectedSince(peer: bigint, sinceMs: number): boolean;
  /**
   * Whether it and those that it has been connected to since then are a majority of all, those
   * among them that were removed lately.
   */
  connectedToQuorumSince(sinceMs: number): boolean;
}

export interface TimeoutReasonOptions {
  readonly view: {
    readonly leader: bigint;
    readonly electedAtMs: number | undefined;
    readonly kernel: { header(): { readonly memberId: bigint } };
  };
  readonly peers: PeerConnections;
  readonly electionMs: number;
}

/** Calls that go through the log: etcd gives reasons for these alone. */
const PROPOSALS = new Set([
  'Put',
  'DeleteRange',
  'Txn',
  'Compact',
  'LeaseGrant',
  'LeaseRevoke',
  'Alarm',
  'MemberAdd',
  'MemberRemove',
  'MemberUpdate',
]);

/**
 * These need the leader itself, and wait for one: if there is none in the end, that is the reason.
 * Whose patience ends first, the kernel's or the call's own, makes no difference to the caller.
 */
const ASK_LEADER = new Set(['MemberPromote', 'LeaseTimeToLive']);

/**
 * What etcd says to a call whose time was over: the plain timeout, unless it began just before this
 * member was elected, or the way to those who decide was cut meanwhile. For people, and for clients
 * that know these texts; each is a timeout all the same.
 * @param sinceMs when the call began, by `performance.now`
 */
export function timeoutError(
  { view, peers, electionMs }: TimeoutReasonOptions,
  method: string,
  sinceMs: number,
): StoreError {
  const { leader, electedAtMs } = view;
  if (leader === 0n && ASK_LEADER.has(method)) return new StoreError('NoLeader');
  if (!PROPOSALS.has(method)) return new StoreError('Timeout');
  const afterLoss = electedAtMs !== undefined && sinceMs > electedAtMs - 2 * electionMs;
  if (afterLoss && sinceMs < electedAtMs) return timeout('previous leader failure');
  if (leader === 0n) return new StoreError('Timeout');
  const connected =
    leader === view.kernel.header().memberId
      ? peers.connectedToQuorumSince(sinceMs)
      : peers.connectedSince(leader, sinceMs);
  return connected ? new StoreError('Timeout') : timeout('connection lost');
}

function timeout(reason: string): StoreError {
  return new StoreError('Timeout', `etcdserver: request timed out, possibly due to ${reason}`);
}
