// Bugs of disks, of applying, and of states that travel as a whole: numbers 23 to 36.
import type { Hunt, Mutant } from './mutant.js';

const SWARM: readonly Hunt[] = [{ scenario: 'swarm' }];
const CRASHES: readonly Hunt[] = [{ scenario: 'crashes' }];
const BOOTSTRAP = 'kernel/replica/bootstrap.js';
const ENTRIES = 'kernel/replica/entry-applier.js';
const SCAN = 'kernel/wal/segment-scan.js';

export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    id: '23',
    bug: 'the applied index is saved in the transaction after that of its rows',
    isQuick: true,
    precedent: 'etcd #13766',
    expected: ['S1', 'L2', 'crash-stop'],
    hunts: CRASHES,
    edits: [
      { file: 'kernel/replica/flusher.js', find: 'writeAppliedRow(buffer, state);', replace: '' },
      {
        file: 'kernel/replica/flusher.js',
        find: 'this.#durable = state;',
        replace: 'this.#durable = state; writeAppliedRow(buffer, state);',
      },
    ],
  },
  {
    id: '24',
    bug: 'a start applies the last entry once more',
    isQuick: true,
    precedent: 'etcd #13514',
    expected: ['S1', 'S2', 'L2'],
    hunts: CRASHES,
    edits: [
      {
        file: BOOTSTRAP,
        find: 'applied: applied.index, confState: applied.confState }',
        replace: 'applied: Math.max(mark.index, applied.index - 1), confState: applied.confState }',
      },
      {
        file: ENTRIES,
        find: 'if (entry.index <= this.#applied.index) return;',
        replace: '',
      },
    ],
  },
  {
    id: '24b',
    bug: 'a start skips the entry after the last one that was applied',
    precedent: 'etcd #13514',
    expected: ['S1', 'L2'],
    hunts: CRASHES,
    edits: [
      {
        file: BOOTSTRAP,
        find: 'applied: applied.index, confState: applied.confState }',
        replace:
          'applied: Math.min(Math.max(log.hardState.commit, applied.index), applied.index + 1), confState: applied.confState }',
      },
    ],
  },
  {
    id: '24c',
    bug: 'who is made a cluster of its own by force gives up what it does not know to be committed',
    expected: ['O5', 'crash-stop'],
    hunts: [{ scenario: 'O5' }],
    edits: [
      {
        file: 'kernel/replica/force-alone.js',
        find: 'const last = content.entries.at(-1) ?? content.mark;',
        replace:
          'const last = content.entries.find(({ index }) => index === content.hardState.commit) ?? content.mark;',
      },
      {
        file: BOOTSTRAP,
        find: 'entries: [...content.entries, forced.entry] }',
        replace:
          'entries: [...content.entries.filter(({ index }) => index < forced.entry.index), forced.entry] }',
      },
    ],
  },
  {
    id: '25',
    bug: 'leases are not in the state that a member is sent',
    isQuick: true,
    expected: ['S1', 'crash-stop', 'trace'],
    hunts: SWARM,
    edits: [
      {
        file: 'kernel/snapshot/image-rows.js',
        find: "if (bucket === 'meta' && isCheckpoint(key)) continue;",
        replace: "if ((bucket === 'meta' && isCheckpoint(key)) || bucket === 'lease') continue;",
      },
    ],
  },
  {
    id: '25b',
    bug: 'members are not in the state that a member is sent',
    expected: ['S1', 'V1', 'M8'],
    hunts: [{ scenario: 'swarm' }, { scenario: 'membership' }],
    edits: [
      {
        file: 'kernel/snapshot/image-rows.js',
        find: "if (bucket === 'meta' && isCheckpoint(key)) continue;",
        replace: "if ((bucket === 'meta' && isCheckpoint(key)) || bucket === 'members') continue;",
      },
    ],
  },
  {
    id: '25c',
    bug: 'alarms are not in the state that a member is sent',
    expected: ['S1'],
    hunts: [{ scenario: 'full' }],
    edits: [
      {
        file: 'kernel/snapshot/image-rows.js',
        find: "if (bucket === 'meta' && isCheckpoint(key)) continue;",
        replace: "if ((bucket === 'meta' && isCheckpoint(key)) || bucket === 'alarm') continue;",
      },
    ],
  },
  {
    id: '25d',
    bug: 'a restored state goes on from a later revision, and what was before does not count as compacted',
    isQuick: true,
    expected: ['O4'],
    hunts: [{ scenario: 'O4' }],
    edits: [
      {
        file: 'kernel/replica/revision-bump.js',
        find: "writeCompactRow(buffer, 'scheduled', revision);",
        replace: '',
      },
    ],
  },
  {
    id: '26',
    bug: 'a crash between a state and the log behind it leaves a gap',
    precedent: 'etcd, failpoints around snapshots',
    expected: ['crash-stop', 'S2', 'V1'],
    hunts: [{ scenario: 'P7' }, { scenario: 'D17' }],
    edits: [
      {
        file: 'kernel/replica/finish-install.js',
        find: 'if (isInstalled && !logHolds(content, applied)) {',
        replace: 'if (images.length < 0) {',
      },
    ],
  },
  {
    id: '27',
    bug: 'the directory is not synced when a segment of the log gets its name',
    isQuick: true,
    precedent: 'ALICE; etcd #6378',
    expected: ['S2', 'L2', 'crash-stop'],
    hunts: CRASHES,
    edits: [
      {
        file: 'kernel/wal/segment-maker.js',
        find: 'await this.#disk.syncDirectory(this.#directory); const chain',
        replace: 'const chain',
      },
    ],
  },
  {
    id: '28',
    bug: 'damage of what was synced is taken for a torn write',
    precedent: 'FAST ’17 and ’18',
    expected: ['S2', 'L2', 'crash-stop'],
    hunts: [{ scenario: 'D6' }, { scenario: 'damage' }],
    edits: [
      {
        file: SCAN,
        find: "throw this.#corrupt('a record that was written whole has a wrong checksum');",
        replace: '',
      },
      { file: SCAN, find: 'this.#expectNoRecord(this.#at + extent, used);', replace: '' },
      {
        file: SCAN,
        find: "if (header === undefined) throw this.#corrupt('the header of a record has a wrong checksum');",
        replace: 'if (header === undefined) return undefined;',
      },
    ],
  },
  {
    id: '29',
    bug: 'a member goes on after a sync that failed',
    precedent: 'ATC ’20',
    expected: ['S2', 'L2', 'D2', 'V1'],
    hunts: [{ scenario: 'D2' }, { scenario: 'swarm' }],
    edits: [
      {
        file: 'kernel/wal/segment-writer.js',
        find: 'await this.#file.writeDurably(bytes, this.#offset);',
        replace: 'await this.#file.writeDurably(bytes, this.#offset).catch(() => undefined);',
      },
    ],
  },
  {
    id: '30',
    bug: 'a member that lost its directory is let in again',
    isQuick: true,
    expected: ['S2', 'D12'],
    hunts: [{ scenario: 'D12' }, { scenario: 'damage' }],
    edits: [
      {
        file: 'kernel/replica/peer-gate.js',
        find: 'if (known !== undefined && directoryNonce !== known) {',
        replace: 'if (known === 0n) {',
      },
    ],
  },
  {
    id: '31',
    bug: 'frames of another cluster are listened to',
    isQuick: true,
    expected: ['S2', 'M5', 'crash-stop'],
    hunts: [{ scenario: 'M5' }],
    edits: [
      {
        file: 'kernel/replica/peer-gate.js',
        find: "if (clusterId !== identity.clusterId) return this.#refuse(frame, 'wrong-cluster', nowMs);",
        replace: '',
      },
    ],
  },
  {
    id: '32',
    bug: 'what an entry does depends on the clock of the member that applies it',
    isQuick: true,
    expected: ['S1'],
    hunts: SWARM,
    edits: [
      {
        file: ENTRIES,
        find: 'commands.map((command) => applier.apply(command, entry));',
        replace:
          "commands.map((command) => applier.apply(command.kind === 'put' && Math.floor(clock.monotonic()) % 50 === 0 ? { ...command, value: new Uint8Array(1) } : command, entry));",
      },
    ],
  },
  {
    id: '33',
    bug: 'members that owe no answer leave the reads of a transaction out, and what they refuse with them',
    precedent: 'etcd #18667',
    expected: ['S1'],
    hunts: SWARM,
    edits: [
      {
        file: ENTRIES,
        find: 'commands.map((command) => applier.apply(command, entry));',
        replace:
          "commands.map((command) => applier.apply(command.kind === 'txn' && !proposals.isOwn(entry.data) ? { ...command, success: command.success?.filter(({ kind }) => kind !== 'range'), failure: command.failure?.filter(({ kind }) => kind !== 'range') } : command, entry));",
      },
      {
        file: 'kernel/replica/proposals.js',
        find: 'settle(payload, outcomes) {',
        replace:
          'isOwn(payload) { return this.#writer.sequenceOf(payload) !== undefined; } settle(payload, outcomes) {',
      },
    ],
  },
  {
    id: '35',
    bug: 'the backend is made smaller while a flush writes to it',
    precedent: 'etcd #14685',
    expected: ['crash-stop', 'trace', 'S1'],
    hunts: [{ scenario: 'D16' }],
    edits: [
      {
        file: 'kernel/replica/replica.js',
        find: 'await this.#flusher.instead(() => this.#options.backend.defragment());',
        replace: 'await this.#options.backend.defragment();',
      },
    ],
  },
  {
    id: '35b',
    bug: 'pieces of a state go the way of heartbeats, which wait behind them',
    isQuick: true,
    expected: ['N10'],
    hunts: [{ scenario: 'N10' }],
    edits: [
      {
        file: 'kernel/snapshot/snapshot-sender.js',
        find: "position, isLast, bytes }, 'bulk');",
        replace: 'position, isLast, bytes });',
      },
    ],
  },
  {
    id: '36',
    bug: 'the applied index stands still while the store is full',
    precedent: 'etcd #21636',
    expected: ['V1', 'S1', 'O7'],
    hunts: [{ scenario: 'full' }],
    edits: [
      {
        file: ENTRIES,
        find: 'this.#applied = { index: entry.index, term: entry.term, confState: raft.confState }; proposals',
        replace:
          "if (!outcomes.some((outcome) => outcome.error?.code === 'NoSpace')) this.#applied = { index: entry.index, term: entry.term, confState: raft.confState }; proposals",
      },
    ],
  },
];
