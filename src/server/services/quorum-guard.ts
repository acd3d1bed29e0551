import type { Kernel } from '../../kernel/index.js';
import { StoreError } from '../../store/index.js';
import type { PeerConnections } from './timeout-reason.js';

export interface QuorumGuardOptions {
  readonly kernel: Pick<Kernel, 'header' | 'members'>;
  readonly view: { readonly leader: bigint };
  readonly peers: Pick<PeerConnections, 'connectedSince'>;
  /** etcd's --strict-reconfig-check. */
  readonly isStrict: boolean;
}

/**
 * Says at once of a change of the members that it cannot be made, where this member has nobody to
 * bring it to: no leader, and too few connections for one to come of, so that waiting would only
 * end in a timeout that leaves the outcome open. Where there is a leader it is the leader who
 * knows, and decides. Promotions are not asked about: etcd lets them wait for a leader.
 */
export class QuorumGuard {
  readonly #options: QuorumGuardOptions;

  constructor(options: QuorumGuardOptions) {
    this.#options = options;
  }

  /** @throws StoreError `UnhealthyCluster` */
  async checkAdd(isLearner: boolean): Promise<void> {
    if (this.#hasLeader()) return;
    const voters = await this.#voters();
    // A voter more makes the quorum larger; a learner is in nobody's way.
    this.#demand(voters, isLearner ? majority(voters.length) : voters.length);
  }

  /** @throws StoreError `UnhealthyCluster` */
  async checkRemove(id: bigint): Promise<void> {
    if (this.#hasLeader()) return;
    const voters = await this.#voters();
    const left = voters.filter((voter) => voter !== id);
    // Without a vote it is in nobody's way; one who is not known is the leader's to refuse.
    if (left.length === voters.length) this.#demand(voters, majority(voters.length));
    else this.#demand(left, majority(left.length));
  }

  #hasLeader(): boolean {
    const { view, isStrict, kernel } = this.#options;
    if (!isStrict || view.leader === kernel.header().memberId) return true;
    return view.leader !== 0n && this.#isConnected(view.leader);
  }

  async #voters(): Promise<readonly bigint[]> {
    const members = await this.#options.kernel.members(false);
    return members.filter(({ isLearner }) => !isLearner).map(({ id }) => id);
  }

  #isConnected(id: bigint): boolean {
    return this.#options.peers.connectedSince(id, performance.now());
  }

  #demand(voters: readonly bigint[], needed: number): void {
    const { memberId } = this.#options.kernel.header();
    const there = voters.filter((id) => id === memberId || this.#isConnected(id));
    if (there.length < needed) throw new StoreError('UnhealthyCluster');
  }
}

function majority(count: number): number {
  return Math.floor(count / 2) + 1;
}
