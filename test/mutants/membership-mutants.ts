// Bugs of changes of who decides, and of handing over: numbers 15 to 22.
import type { Hunt, Mutant } from './mutant.js';

const ELECTIONS: readonly Hunt[] = [{ scenario: 'N4b' }, { scenario: 'elections' }];
const RAFT = 'kernel/raft/raft.js';
const MEMBERSHIP: readonly Hunt[] = [{ scenario: 'membership' }];
const CHANGES = 'kernel/raft/membership.js';

export const MEMBERSHIP_MUTANTS: readonly Mutant[] = [
  {
    id: '15',
    bug: 'a change of members is taken while another one is not committed',
    isQuick: true,
    precedent: 'Ongaro 2015',
    expected: ['S2', 'M9'],
    hunts: [{ scenario: 'M9' }, { scenario: 'membership' }],
    edits: [
      {
        file: CHANGES,
        find: "if (core.log.applied < core.pendingConfIndex) return 'conf-change-pending';",
        replace: '',
      },
    ],
  },
  {
    id: '16',
    bug: 'a change of members is taken before a commit in the leader’s own term',
    isQuick: true,
    precedent: 'Ongaro 2015',
    expected: ['S2'],
    hunts: [{ scenario: 'changes' }],
    note: 'two guards stand in the way, and both are taken away',
    edits: [
      { file: CHANGES, find: "if (!core.hasCommittedInTerm) return 'not-ready';", replace: '' },
      {
        file: 'kernel/raft/election.js',
        find: 'core.pendingConfIndex = log.lastIndex;',
        replace: '',
      },
    ],
  },
  {
    id: '17',
    bug: 'a change of members counts on the leader when it is proposed, elsewhere when it is applied',
    expected: ['S2', 'S1'],
    hunts: MEMBERSHIP,
    edits: [
      {
        file: CHANGES,
        find: 'appendConfig(core, data); return { accepted',
        replace: 'appendConfig(core, data); applyConfChange(core, change); return { accepted',
      },
    ],
  },
  {
    id: '18',
    bug: 'learners count for what is committed',
    precedent: 'etcd 3.6.12',
    expected: ['S2'],
    hunts: MEMBERSHIP,
    edits: [
      {
        file: 'kernel/raft/quorum.js',
        find: 'const incoming = majorityReached(conf.voters, reachedBy);',
        replace: 'const incoming = majorityReached([...conf.voters, ...conf.learners], reachedBy);',
      },
    ],
  },
  {
    id: '19',
    bug: 'a member that was removed is listened to',
    precedent: 'zombie members',
    expected: ['M4', 'S2', 'V1'],
    hunts: [{ scenario: 'M4b' }],
    edits: [
      { file: CHANGES, find: 'core.removed.add(id);', replace: ';' },
      {
        file: 'kernel/replica/peer-gate.js',
        find: "if (peers.isRemoved(from)) return this.#refuse(frame, 'removed', nowMs);",
        replace: '',
      },
    ],
  },
  {
    id: '19b',
    bug: 'a member that was removed still counts',
    precedent: 'zombie members',
    expected: ['V1', 'S2'],
    hunts: [{ scenario: 'membership' }],
    edits: [
      {
        file: 'kernel/raft/conf-change.js',
        find: 'voters.delete(id); learners.delete(id);',
        replace: "if (kind !== 'remove') voters.delete(id); learners.delete(id);",
      },
    ],
  },
  {
    id: '19c',
    bug: 'members that are dropped by force do not count as removed',
    precedent: 'zombie members',
    expected: ['M8'],
    hunts: [{ scenario: 'M8' }],
    edits: [
      {
        file: 'kernel/apply/members.js',
        find: 'if (id !== change.id) this.#remove(id);',
        replace:
          "if (id !== change.id) { this.#rows.delete(id); this.#buffer.remove('members', rowKey(id)); }",
      },
    ],
  },
  {
    id: '20',
    bug: 'of a joint configuration one majority is enough',
    expected: ['S2'],
    hunts: MEMBERSHIP,
    edits: [
      {
        file: 'kernel/raft/quorum.js',
        find: 'return Math.min(incoming, majorityReached(conf.votersOutgoing, reachedBy));',
        replace: 'return Math.max(incoming, majorityReached(conf.votersOutgoing, reachedBy));',
      },
    ],
  },
  {
    id: '21',
    bug: 'a leader that hands over takes proposals',
    expected: ['S2'],
    hunts: [{ scenario: 'L4' }],
    edits: [
      {
        file: RAFT,
        find: "if (core.transferee !== NOBODY) return { accepted: false, reason: 'transferring' };",
        replace: '',
      },
    ],
  },
  {
    id: '22',
    bug: 'after a refusal a leader sends again what it knows to be there',
    precedent: 'raft #149',
    expected: ['S2', 'V1'],
    hunts: ELECTIONS,
    edits: [
      {
        file: 'kernel/raft/progress.js',
        find: "if (rejectedIndex <= this.#match) return false; this.#state = 'probe'; this.#next = this.#match + 1;",
        replace:
          "if (rejectedIndex <= this.#match) return false; this.#state = 'probe'; this.#next = this.#match;",
      },
    ],
  },
];
