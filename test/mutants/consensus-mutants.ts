// Bugs of elections, of the log and of reads: numbers 1 to 14.
import type { Hunt, Mutant } from './mutant.js';

const SWARM: readonly Hunt[] = [{ scenario: 'swarm' }];
const ELECTIONS: readonly Hunt[] = [{ scenario: 'N4b' }, { scenario: 'elections' }];
const MISLED: readonly Hunt[] = [{ scenario: 'P10' }];
const REPLICATION = 'kernel/raft/replication.js';
const CORE = 'kernel/raft/core.js';
const RAFT = 'kernel/raft/raft.js';
const LEADER = 'kernel/raft/step-leader.js';
const LOG = 'kernel/raft/log.js';

/** Lets messages of a kind leave before what they promise is on disk. */
function early(kind: string): Mutant['edits'] {
  return [
    {
      file: CORE,
      find: 'switch (message.kind) { case',
      replace: `switch (message.kind) { case '${kind}': this.#unboundMessages.push(message); return; case`,
    },
    {
      file: RAFT,
      find: 'messagesBeforePersist: voteChanged ? [] : unbound,',
      replace: 'messagesBeforePersist: unbound,',
    },
    {
      file: RAFT,
      find: 'messages: voteChanged ? [...unbound, ...bound] : bound,',
      replace: 'messages: bound,',
    },
  ];
}

const SOLE_READ = 'if (isSoleVoter(core.confState, core.id)) { deliverRead(core, read);';

const LEADER_DOES_NOT_WAIT = {
  file: 'kernel/replica/loop.js',
  find: 'await this.#persist(ready);',
  replace:
    "const persisted = this.#persist(ready); if (this.#parts.raft.role !== 'leader') await persisted;",
};

export const ELECTION_MUTANTS: readonly Mutant[] = [
  {
    id: '1',
    bug: 'entries of earlier terms are committed by counting who holds them',
    precedent: 'Raft, figure 8; CCF',
    expected: ['S2', 'L2'],
    hunts: ELECTIONS,
    edits: [
      {
        file: REPLICATION,
        find: 'if (reached <= before || log.termAt(reached) !== core.term)',
        replace: 'if (reached <= before)',
      },
    ],
  },
  {
    id: '2',
    bug: 'a vote is told before term and vote are on disk',
    isQuick: true,
    precedent: 'Raft',
    expected: ['S2'],
    hunts: SWARM,
    edits: early('voteResponse'),
  },
  {
    id: '3',
    bug: 'votes are given by the length of the log before its last term',
    precedent: 'Raft',
    expected: ['S2'],
    hunts: ELECTIONS,
    edits: [
      {
        file: LOG,
        find: 'return lastTerm > ours || (lastTerm === ours && lastIndex >= this.lastIndex);',
        replace:
          'return lastIndex > this.lastIndex || (lastIndex === this.lastIndex && lastTerm >= ours);',
      },
    ],
  },
  {
    id: '3b',
    bug: 'votes are given without a look at the log',
    precedent: 'Raft',
    expected: ['S2', 'trace'],
    hunts: ELECTIONS,
    edits: [
      {
        file: LOG,
        find: 'return lastTerm > ours || (lastTerm === ours && lastIndex >= this.lastIndex);',
        replace: 'return ours >= 0;',
      },
    ],
  },
  {
    id: '4',
    bug: 'half of the voters are taken for a majority',
    isQuick: true,
    precedent: 'CCF tally',
    expected: ['S2'],
    hunts: SWARM,
    edits: [
      {
        file: 'kernel/raft/quorum.js',
        find: 'return Math.floor(voterCount / 2) + 1;',
        replace: 'return Math.max(1, Math.floor(voterCount / 2));',
      },
    ],
  },
  {
    id: '4b',
    bug: 'half of an even number of voters is taken for a majority',
    precedent: 'CCF tally',
    expected: ['S2'],
    hunts: [{ scenario: 'membership' }],
    edits: [
      {
        file: 'kernel/raft/quorum.js',
        find: 'return Math.floor(voterCount / 2) + 1;',
        replace: 'return Math.ceil(voterCount / 2);',
      },
    ],
  },
  {
    id: '5',
    bug: 'a follower cuts its log at every append, even when the entries are the same',
    precedent: 'CCF',
    expected: ['S2', 'L2'],
    hunts: ELECTIONS,
    edits: [
      {
        file: LOG,
        find: 'const firstNew = entries.findIndex((entry) => this.termAt(entry.index) !== entry.term);',
        replace: 'const firstNew = entries.findIndex((entry) => entry.index > this.#committed);',
      },
    ],
  },
  {
    id: '6',
    bug: 'a follower acknowledges entries before they are on its disk',
    isQuick: true,
    precedent: 'NATS',
    expected: ['S2', 'L2'],
    hunts: SWARM,
    edits: early('appendAccepted'),
  },
  {
    id: '7',
    bug: 'a leader goes on before its own disk has the entry',
    isQuick: true,
    precedent: 'etcd #14370',
    expected: ['S2', 'L2'],
    hunts: SWARM,
    note: 'a leader looks at answers only when its own disk has answered, so that it cannot count itself too early; here it does not wait for its disk',
    edits: [LEADER_DOES_NOT_WAIT],
  },
  {
    id: '7b',
    bug: 'a member that decides alone answers before its own disk has the entry',
    isQuick: true,
    precedent: 'etcd #14370',
    expected: ['S2', 'L2'],
    hunts: [{ scenario: 'one' }],
    edits: [LEADER_DOES_NOT_WAIT],
  },
  {
    id: '8',
    bug: 'a follower takes for committed what the leader committed, beyond what it is known to hold',
    precedent: 'Raft',
    expected: ['S2', 'L2', 'S1', 'crash-stop'],
    hunts: ELECTIONS,
    note: 'planted in heartbeats; an append always brings the first entry that differs, so that its own bound is a second guard',
    edits: [
      {
        file: REPLICATION,
        find: 'commit: Math.min(progress.match, core.log.committed),',
        replace: 'commit: core.log.committed,',
      },
      {
        file: 'kernel/replica/rolled-back.js',
        find: "return message.kind === 'heartbeat' && message.term >= term && message.commit > lastIndex;",
        replace: 'return false;',
      },
    ],
  },
  {
    id: '9',
    bug: 'a refused append moves what the leader knows to be in the follower’s log',
    isQuick: true,
    precedent: 'CCF',
    expected: ['S2', 'trace', 'crash-stop'],
    hunts: ELECTIONS,
    edits: [
      {
        file: LEADER,
        find: 'if (progress.rejected(message.rejectedIndex, candidate)) {',
        replace:
          'progress.accepted(Math.min(message.rejectedIndex, core.log.lastIndex)); advanceCommit(core); if (progress.rejected(message.rejectedIndex, candidate)) {',
      },
    ],
  },
  {
    id: '10',
    bug: 'linearizable reads are answered without asking a quorum',
    expected: ['L1'],
    hunts: [{ scenario: 'N2b' }],
    edits: [{ file: LEADER, find: SOLE_READ, replace: 'if (core.id) { deliverRead(core, read);' }],
  },
  {
    id: '11',
    bug: 'a new leader answers reads before it has committed in its term',
    precedent: 'etcd #7331',
    expected: ['L1'],
    hunts: [{ scenario: 'N2b' }],
    edits: [
      {
        file: LEADER,
        find: "if (!core.hasCommittedInTerm) return { accepted: false, reason: 'not-ready' };",
        replace: '',
      },
    ],
  },
  {
    id: '12',
    bug: 'a later read shares the number of a round whose heartbeats have left',
    precedent: 'etcd #20418',
    expected: ['L1'],
    hunts: [{ scenario: 'N2b' }],
    note: 'rounds have numbers here, and questions of followers others; of the latter a used one does no harm',
    edits: [
      {
        file: 'kernel/raft/read-index.js',
        find: 'this.#newest++;',
        replace: 'if (this.#rounds.length === 0) this.#newest++;',
      },
    ],
  },
  {
    id: '13',
    bug: 'a leader answers reads because it was heard lately, by a clock',
    expected: ['L1'],
    hunts: [{ scenario: 'N2b' }],
    note: 'no clock of the wall exists in the design; the lease is that of the check of the quorum',
    edits: [
      {
        file: LEADER,
        find: SOLE_READ,
        replace:
          'if (isSoleVoter(core.confState, core.id) || [...core.progress.values()].filter((one) => one.recentlyActive).length * 2 >= core.progress.size) { deliverRead(core, read);',
      },
    ],
  },
  {
    id: '14',
    bug: 'asking for pre-votes raises the term',
    isQuick: true,
    expected: ['S2', 'V1'],
    hunts: SWARM,
    edits: [
      {
        file: 'kernel/raft/election.js',
        find: "core.reset(core.term); core.role = 'pre-candidate';",
        replace: "core.reset(core.term + 1); core.role = 'pre-candidate';",
      },
    ],
  },
  {
    id: '14b',
    bug: 'a leader that hears nobody goes on leading',
    isQuick: true,
    expected: ['V1', 'N5'],
    hunts: [{ scenario: 'N5' }],
    edits: [
      {
        file: 'kernel/replica/replica-options.js',
        find: 'checkQuorum: true,',
        replace: 'checkQuorum: false,',
      },
    ],
  },
  {
    id: '14c',
    bug: 'who believes that its leader has ended campaigns without asking for pre-votes',
    isQuick: true,
    expected: ['P10'],
    hunts: MISLED,
    edits: [
      {
        file: 'kernel/raft/election.js',
        find: 'if (core.orphaned && mayCampaign(core)) startPreVote(core);',
        replace: 'if (core.orphaned && mayCampaign(core)) startVote(core, false);',
      },
    ],
  },
  {
    id: '14d',
    bug: 'who believes that its leader has ended forgets its vote of the term',
    isQuick: true,
    expected: ['S2'],
    hunts: MISLED,
    edits: [
      {
        file: 'kernel/raft/election.js',
        find: 'core.orphaned = true;',
        replace: 'core.orphaned = true; core.vote = NOBODY;',
      },
    ],
  },
  {
    id: '14e',
    bug: 'pre-votes are given by members that hear a leader',
    isQuick: true,
    expected: ['P10'],
    hunts: MISLED,
    edits: [
      {
        file: 'kernel/raft/step.js',
        find: 'if (!message.force && hearsLeader(core)) {',
        replace: "if (!message.force && message.kind === 'vote' && hearsLeader(core)) {",
      },
    ],
  },
  {
    id: '14f',
    bug: 'nobody asks for pre-votes, so that whoever hears nobody raises the term again and again',
    isQuick: true,
    precedent: 'Raft, section 9.6 of the thesis',
    expected: ['N5'],
    hunts: [{ scenario: 'N5' }],
    edits: [
      {
        file: 'kernel/replica/replica-options.js',
        find: 'preVote: true,',
        replace: 'preVote: false,',
      },
    ],
  },
];
