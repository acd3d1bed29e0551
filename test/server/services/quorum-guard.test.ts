// Proves when a change of the members is refused at once: only where the rule is on, and where
// there is neither a leader to bring it to nor the connections for one.
import assert from 'node:assert/strict';
import type { MemberRecord } from '../../../src/kernel/index.js';
import { QuorumGuard } from '../../../src/server/services/quorum-guard.js';

const ME = 1n;
const LEARNER = 9n;

interface Situation {
  readonly leader?: bigint;
  readonly connected?: readonly bigint[];
  readonly isStrict?: boolean;
}

/** One of three voters, and a learner. */
function guardOf({ leader = 0n, connected = [], isStrict = true }: Situation): QuorumGuard {
  const record = (id: bigint): MemberRecord => ({
    id,
    name: `n${id}`,
    peerUrls: [],
    clientUrls: [],
    isLearner: id === LEARNER,
  });
  const header = { clusterId: 7n, memberId: ME, revision: 1, raftTerm: 1 };
  const members = [ME, 2n, 3n, LEARNER].map(record);
  return new QuorumGuard({
    kernel: { header: () => header, members: () => Promise.resolve(members) },
    view: { leader },
    peers: { connectedSince: (id) => connected.includes(id) },
    isStrict,
  });
}

describe('a change of the members', () => {
  /** Which changes a member in this situation refuses. */
  async function refused(situation: Situation): Promise<readonly string[]> {
    const guard = guardOf(situation);
    const changes: Readonly<Record<string, Promise<void>>> = {
      voter: guard.checkAdd(false),
      learner: guard.checkAdd(true),
      self: guard.checkRemove(ME),
      other: guard.checkRemove(3n),
      removedLearner: guard.checkRemove(LEARNER),
      nobody: guard.checkRemove(5n),
    };
    const names: string[] = [];
    for (const [name, change] of Object.entries(changes)) {
      await change.catch((error: unknown) => {
        assert.equal((error as { readonly code: string }).code, 'UnhealthyCluster');
        names.push(name);
      });
    }
    return names;
  }

  const ALL = ['voter', 'learner', 'self', 'other', 'removedLearner', 'nobody'];

  it('is refused where there is neither a leader nor a majority', async () => {
    assert.deepEqual(await refused({}), ALL);
    assert.deepEqual(await refused({ connected: [LEARNER] }), ALL);
    assert.deepEqual(await refused({ leader: 2n }), ALL, 'its leader is gone');
  });

  it('waits for a leader where one can come', async () => {
    assert.deepEqual(await refused({ connected: [2n, 3n] }), []);
    // Those who would be left must be a majority of themselves; one more would need all there.
    assert.deepEqual(await refused({ connected: [2n] }), ['voter', 'self']);
    assert.deepEqual(await refused({ connected: [3n] }), ['voter', 'self', 'other']);
  });

  it('is for the leader to decide, where there is one', async () => {
    assert.deepEqual(await refused({ leader: ME }), []);
    assert.deepEqual(await refused({ leader: 2n, connected: [2n] }), []);
  });

  it('is let through where the rule is off', async () => {
    assert.deepEqual(await refused({ isStrict: false }), []);
  });
});
