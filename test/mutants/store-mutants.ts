// Bugs of the store, of watches and of leases: numbers 37 to 48.
import type { Hunt, Mutant } from './mutant.js';

const SWARM: readonly Hunt[] = [{ scenario: 'swarm' }];
const CALM: readonly Hunt[] = [{ scenario: 'calm' }];
const LEASES: readonly Hunt[] = [{ scenario: 'leases' }];
const CURSOR = 'kernel/watch/hub-cursor.js';
const COMPACTOR = 'kernel/mvcc/compactor.js';
const LESSOR = 'kernel/lease/lessor.js';

export const WATCH_MUTANTS: readonly Mutant[] = [
  {
    id: '37',
    bug: 'a revision is lost between catching up and joining the live feed',
    expected: ['W3', 'W8'],
    hunts: [{ scenario: 'calm' }, { scenario: 'swarm' }],
    edits: [
      {
        file: CURSOR,
        find: 'if (this.#fed < revision) continue;',
        replace: 'if (this.#fed < revision - 1) continue;',
      },
    ],
  },
  {
    id: '38',
    bug: 'a slow watch goes on behind a compaction that took what it had to read',
    precedent: 'etcd #17529',
    expected: ['W3'],
    hunts: SWARM,
    edits: [
      {
        file: CURSOR,
        find: "this.#leave(); this.#state = 'lost'; this.#lostAt = compactRevision;",
        replace: 'this.#fed = compactRevision - 1; return;',
      },
    ],
  },
  {
    id: '39',
    bug: 'a state that arrives moves watches forward to its revision',
    precedent: 'etcd #20221',
    expected: ['W3'],
    hunts: SWARM,
    edits: [
      {
        file: 'kernel/watch/hub.js',
        find: 'if (this.#revision > before) this.#fallBackAll(before);',
        replace: 'if (this.#revision > before) this.#fallBackAll(this.#revision);',
      },
    ],
  },
  {
    id: '39b',
    bug: 'a state that arrives moves watches back',
    precedent: 'etcd #15271',
    expected: ['W1', 'W2'],
    hunts: SWARM,
    edits: [
      {
        file: 'kernel/watch/hub.js',
        find: 'if (this.#revision > before) this.#fallBackAll(before);',
        replace: 'if (this.#revision > before) this.#fallBackAll(Math.max(1, before - 20));',
      },
      {
        file: CURSOR,
        find: 'this.#fed = Math.max(this.#fed, revision); this.#host.leaveLive(this);',
        replace: 'this.#fed = revision; this.#host.leaveLive(this);',
      },
    ],
  },
  {
    id: '40',
    bug: 'a watch that is behind tells of progress up to now',
    precedent: 'etcd #15220',
    expected: ['W6', 'W3'],
    hunts: [{ scenario: 'calm' }, { scenario: 'swarm' }],
    edits: [
      {
        file: CURSOR,
        find: "return this.#state === 'live' && this.position === this.#newestRevision();",
        replace: "return this.#state === 'live' || this.#state === 'catching up';",
      },
      {
        file: CURSOR,
        find: 'if (next !== undefined) return next.revision - 1;',
        replace: 'if (next !== undefined) return this.#newestRevision();',
      },
    ],
  },
  {
    id: '41',
    bug: 'a revision is delivered in two parts',
    expected: ['W4', 'W2'],
    hunts: CALM,
    edits: [
      {
        file: CURSOR,
        find: 'this.#push(batch, byteCount); this.#enqueue();',
        replace:
          'const { revision, events } = batch; if (events.length > 1) { const [first, ...rest] = events; for (const part of [[first], rest]) this.#push({ revision, events: part }, batchBytes({ revision, events: part })); } else this.#push(batch, byteCount); this.#enqueue();',
      },
    ],
  },
  {
    id: '42',
    bug: 'compaction takes the tombstone at its own revision',
    precedent: 'etcd #18089, #19179',
    expected: ['W3', 'L7', 'S1', 'P8', 'trace'],
    hunts: [{ scenario: 'crashes' }, { scenario: 'swarm' }],
    edits: [
      {
        file: COMPACTOR,
        find: 'return !leaf.isLive(slot) && leaf.main(slot) < this.#state.compactRevision;',
        replace: 'return !leaf.isLive(slot) && leaf.main(slot) <= this.#state.compactRevision;',
      },
      {
        file: COMPACTOR,
        find: 'return isTombstone && history.main(kept) < compactRevision ? kept + 1 : kept;',
        replace: 'return isTombstone ? kept + 1 : kept;',
      },
    ],
  },
  {
    id: '42b',
    bug: 'compaction takes the version that lives at its revision',
    precedent: 'etcd #18089',
    expected: ['L7', 'L1', 'W3', 'P8', 'L6'],
    hunts: CALM,
    edits: [
      {
        file: COMPACTOR,
        find: 'return isTombstone && history.main(kept) < compactRevision ? kept + 1 : kept;',
        replace: 'return kept + 1;',
      },
    ],
  },
  {
    id: '43',
    bug: 'after a start the revision is that of the last row that compaction left',
    precedent: 'etcd #17780, #6633',
    expected: ['S1', 'L5', 'L2', 'S2', 'trace', 'crash-stop'],
    hunts: [{ scenario: 'quiet' }],
    edits: [
      {
        file: COMPACTOR,
        find: 'return !leaf.isLive(slot) && leaf.main(slot) < this.#state.compactRevision;',
        replace: 'return !leaf.isLive(slot) && leaf.main(slot) <= this.#state.compactRevision;',
      },
      {
        file: 'kernel/mvcc/loader.js',
        find: 'if (row.revision !== Math.max(lastMain, 1)) {',
        replace: 'if (lastMain > row.revision) {',
      },
      {
        file: 'kernel/mvcc/loader.js',
        find: 'state.revision = row.revision;',
        replace: 'state.revision = Math.max(lastMain, 1);',
      },
    ],
  },
  {
    id: '44',
    bug: 'the hash of the history depends on how far compaction is',
    expected: ['S1'],
    hunts: SWARM,
    edits: [
      {
        file: 'kernel/mvcc/write-session.js',
        find: 'mixHash(this.#hash, encoder.lastChecksum);',
        replace: 'mixHash(this.#hash, encoder.lastChecksum ^ this.#state.rowCount);',
      },
    ],
  },
];

export const LEASE_MUTANTS: readonly Mutant[] = [
  {
    id: '45',
    bug: 'a lease ends by the clock of a leader that was deposed',
    isQuick: true,
    precedent: 'etcd #15247',
    expected: ['E1'],
    hunts: [{ scenario: 'N7b' }],
    note: 'two guards stand in the way, and both are taken away: a quorum is asked before an expiry is proposed (lease-keeper.ts), and an expiry counts only in the term that it names (applier.ts); in this scenario either of them is enough',
    edits: [
      {
        file: 'kernel/replica/lease-keeper.js',
        find: 'if (confirmed === undefined) return this.#expire(term);',
        replace: 'confirmed?.catch(() => undefined); if (term > 0) return this.#expire(term);',
      },
      {
        file: 'kernel/apply/applier.js',
        find: 'if (command.term === entryTerm) { for',
        replace: 'if (entryTerm > 0) { for',
      },
    ],
  },
  {
    id: '46',
    bug: 'a new leader does not give leases their time',
    expected: ['E1'],
    hunts: LEASES,
    edits: [
      {
        file: LESSOR,
        find: 'nowMs + lease.fullMs + extendMs',
        replace: 'nowMs + extendMs',
      },
    ],
  },
  {
    id: '47',
    bug: 'what was left of a lease is forgotten at a change of leader',
    isQuick: true,
    precedent: 'etcd #13491, #17132',
    expected: ['E2'],
    hunts: [{ scenario: 'handovers' }],
    edits: [
      {
        file: LESSOR,
        find: 'nowMs + lease.fullMs + extendMs',
        replace: 'nowMs + lease.ttlSeconds * 1000 + extendMs',
      },
    ],
  },
  {
    id: '48',
    bug: 'a put with a new lease leaves the key attached to the old one',
    expected: ['S1', 'E3', 'L1', 'L3', 'E1'],
    hunts: LEASES,
    edits: [
      {
        file: 'kernel/apply/apply-txn.js',
        find: 'if (previousLease !== 0n) lessor.detach(key, previousLease);',
        replace: '',
      },
      { file: LESSOR, find: 'before?.keys.delete(text);', replace: '' },
    ],
  },
];
