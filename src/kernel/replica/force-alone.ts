/**
 * How an operator makes a cluster of one out of a member whose others are lost for good. An entry
 * that drops everyone else is put behind all that the log holds and counts as committed: whatever
 * this member acknowledged stays, and a restart, without being told again, comes to the same end.
 */
import { writeMembership } from '../codec/conf-change-codec.js';
import { isSoleVoter } from '../raft/quorum.js';
import type { Entry, HardState } from '../raft/types.js';
import type { WalContent } from '../wal/wal.js';
import type { AppliedState } from './applied-row.js';

/** Whether this member is alone already, and nothing in its log would change that. */
export function isAlone(memberId: bigint, content: WalContent, applied: AppliedState): boolean {
  const { confState } = applied;
  const pending = content.entries.some(
    ({ kind, index }) => kind === 'config' && index > applied.index,
  );
  return isSoleVoter(confState, memberId) && confState.learners.length === 0 && !pending;
}

/** The entry to append, and the hard state to write with it. */
export function forceAlone(
  memberId: bigint,
  content: WalContent,
): { readonly entry: Entry; readonly hardState: HardState } {
  const last = content.entries.at(-1) ?? content.mark;
  const lastIndex = last?.index ?? 0;
  // A term of its own: nobody else can have an entry there.
  const term = Math.max(content.hardState.term, last?.term ?? 0) + 1;
  const data = writeMembership({
    change: { steps: [], transition: 'simple' },
    members: { kind: 'keepOnly', id: memberId },
    // Nobody waits for it.
    origin: { memberId: 0n, startNonce: 0n, sequence: 0 },
  });
  const entry: Entry = { term, index: lastIndex + 1, kind: 'config', data };
  return { entry, hardState: { term, vote: memberId, commit: entry.index } };
}
