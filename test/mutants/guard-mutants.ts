// Bugs of latches, of groups, of guarded transactions and of saved configurations: from 66 on.
import type { Hunt, Mutant } from './mutant.js';

const SHARED: readonly Hunt[] = [{ scenario: 'sharers', seconds: 30 }, { scenario: 'shared' }];
const GUARDED: readonly Hunt[] = [{ scenario: 'wardens', seconds: 30 }];
const LATCH = 'recipes/barrier/latch.js';
const MEMBERSHIP = 'recipes/membership/membership.js';
const LIVE_CONFIG = 'recipes/config/live-config.js';

export const GUARD_MUTANTS: readonly Mutant[] = [
  {
    id: '66',
    bug: 'a countdown that is tried again counts twice',
    precedent: 'what the invocation ids of Hazelcast are for',
    expected: ['K9'],
    hunts: [{ scenario: 'shared' }],
    edits: [
      {
        file: LATCH,
        find: 'this.#keys.down(round) + id; const reads',
        replace: 'this.#keys.down(round) + id + this.#context.store.random.hex(4); const reads',
      },
    ],
  },
  {
    id: '67',
    bug: 'the last one to count dies before it can open, and nobody else opens',
    precedent: 'etcd’s DoubleBarrier, for latches',
    expected: ['K12'],
    hunts: SHARED,
    edits: [
      { file: LATCH, find: 'if (view.downs >= state.count)', replace: 'if (view.downs < 0)' },
    ],
  },
  {
    id: '68',
    bug: 'what was counted in one round opens the next one',
    expected: ['K9'],
    hunts: SHARED,
    edits: [
      { file: LATCH, find: 'state.round === round && !state.isOpen', replace: '!state.isOpen' },
    ],
  },
  {
    id: '69',
    bug: 'whoever waits for a latch takes any change for the opening',
    precedent: 'etcd’s Barrier.Wait, for latches',
    expected: ['K9'],
    hunts: SHARED,
    edits: [
      {
        file: LATCH,
        find: 'await awaitChange(this.#context.store, scope, [watch], pollMs);',
        replace:
          'await awaitChange(this.#context.store, scope, [watch], pollMs); return { round, revision };',
      },
    ],
  },
  {
    id: '70',
    bug: 'a member that comes back turns out whoever has its id now',
    expected: ['K11'],
    hunts: SHARED,
    edits: [
      {
        file: MEMBERSHIP,
        find: 'const stay = await this.#register(scope, false);',
        replace: 'const stay = await this.#register(scope, true);',
      },
    ],
  },
  {
    id: '71',
    bug: 'leaving deletes the entry of whoever has the name by now',
    precedent: 'etcd #22082, for members',
    expected: ['K11'],
    hunts: SHARED,
    edits: [
      {
        file: MEMBERSHIP,
        find: "compare: [{ key, target: 'create', operator: '=', operand: incarnation }],",
        replace: '',
      },
    ],
  },
  {
    id: '72',
    bug: 'a registration that arrives after its member has left makes a member',
    expected: ['K11'],
    hunts: SHARED,
    edits: [{ file: MEMBERSHIP, find: 'if (stray === undefined)', replace: 'if (stray !== null)' }],
  },
  {
    id: '73',
    bug: 'a member whose lease ended is taken for one that was turned out',
    precedent: 'npm etcd3: users register again by hand',
    expected: ['K11'],
    hunts: SHARED,
    edits: [
      {
        file: MEMBERSHIP,
        find: 'if (left.remainingTtlSeconds >= 0)',
        replace: 'if (left.remainingTtlSeconds !== null)',
      },
    ],
  },
  {
    id: '74',
    bug: 'of several guards of a transaction only the first counts',
    expected: ['K16'],
    hunts: GUARDED,
    edits: [
      {
        file: 'recipes/compose/guarded-txn.js',
        find: 'for (const guard of guards) {',
        replace: 'for (const guard of guards.slice(0, 1)) {',
      },
    ],
  },
  {
    id: '75',
    bug: 'the guard of a configuration looks at the keys that it had, and not at new ones',
    expected: ['K16'],
    hunts: GUARDED,
    edits: [
      {
        file: 'recipes/config/config-guard.js',
        find: 'return [...nothingNew, ...keys];',
        replace: 'return keys;',
      },
    ],
  },
  {
    id: '76',
    bug: 'a saved configuration that is damaged is used',
    expected: ['K14'],
    hunts: GUARDED,
    edits: [
      {
        file: 'recipes/config/cache-codec.js',
        find: 'if (body === undefined || sum !== fingerprint(JSON.stringify(body))) {',
        replace: 'if (body === undefined) {',
      },
    ],
  },
  {
    id: '77',
    bug: 'what was saved comes late and replaces what the store has said',
    expected: ['K14'],
    hunts: GUARDED,
    edits: [
      {
        file: LIVE_CONFIG,
        find: "if (verdict?.kind === 'accept') { if (this.#seen !== undefined) return;",
        replace: "if (verdict?.kind === 'accept') {",
      },
      {
        file: LIVE_CONFIG,
        find: 'if (record === undefined || this.#seen !== undefined)',
        replace: 'if (record === undefined)',
      },
    ],
  },
];
