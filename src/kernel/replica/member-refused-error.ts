import type { Refusal } from '../codec/peer-body.js';

const REASONS: Readonly<Record<Refusal, string>> = {
  'wrong-cluster':
    'the other members belong to another cluster: check the addresses and the cluster token',
  removed:
    'this member was removed from the cluster for good: start it again as a new member, with an ' +
    'empty directory',
  amnesia:
    'the cluster knows this member with another data directory, and this one does not hold what ' +
    'it promised: remove the member and add a new one',
  duplicate: 'another process runs as this member: one of the two must end',
};

/**
 * The cluster will not have this member (again): it stops, and starting it again changes nothing.
 *
 * @example
 * const member = { id: 1n, name: 'one', peerUrls: [], clientUrls: [], isLearner: false };
 * const kernel = await openKernel({ ...ports, settings: DEFAULT_SETTINGS, clusterId: 7n, member });
 * void kernel.failed.then((error) => {
 *   if (error instanceof MemberRefusedError) log.warn(error.reason);
 * });
 */
export class MemberRefusedError extends Error {
  readonly reason: Refusal;

  constructor(reason: Refusal) {
    super(REASONS[reason]);
    this.name = 'MemberRefusedError';
    this.reason = reason;
  }
}
