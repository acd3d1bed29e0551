// Bugs of membership, counters, sequences, transactions with retries, caches and combined views:
// those that other libraries shipped, and those that ours are one line away from.
import type { RecipeBug } from './recipe-bug.js';

const MEMBERSHIP = 'recipes/membership/membership.js';
const REGISTER = 'recipes/membership/register.js';
const TRANSACTION = 'recipes/stm/transaction.js';
const COMMITS = 'recipes/stm/commits.js';
const CACHE = 'recipes/cache/prefix-cache.js';
const SNAPSHOT = 'recipes/base/prefix-snapshot.js';
const MEMBERSHIP_TESTS = 'membership/membership.test.js';
const STM_TESTS = 'stm/stm.test.js';
const CACHE_TESTS = 'cache/prefix-cache.test.js';
const VIEW_TESTS = 'base/view-prefixes.test.js';

const MEMBERSHIP_BUGS: readonly RecipeBug[] = [
  {
    id: 'membership-own-old-key',
    bug: 'a member takes its own key of a lost session for somebody else',
    precedent: 'CURATOR-604',
    edits: [
      {
        file: REGISTER,
        find: 'const isOwn = nonceOf(other) === nonce;',
        replace: 'const isOwn = nonceOf(other) === nonce && other.lease === session.lease;',
      },
    ],
    suite: MEMBERSHIP_TESTS,
    title: 'its own key of the old session',
  },
  {
    id: 'membership-fight',
    bug: 'a member that comes back turns out whoever has its id now',
    edits: [
      {
        file: MEMBERSHIP,
        find: 'const stay = await this.#register(scope, false);',
        replace: 'const stay = await this.#register(scope, true);',
      },
    ],
    suite: MEMBERSHIP_TESTS,
    title: 'stays out when another took its id',
  },
  {
    id: 'membership-ghost',
    bug: 'a registration that arrives after its member has left makes a member',
    edits: [{ file: MEMBERSHIP, find: 'if (stray === undefined)', replace: 'if (stray !== null)' }],
    suite: MEMBERSHIP_TESTS,
    title: 'arrives after its member has left',
  },
  {
    id: 'membership-gone-for-good',
    bug: 'a member whose lease ended is taken for one that was turned out',
    precedent: 'npm etcd3: users register again by hand',
    edits: [
      {
        file: MEMBERSHIP,
        find: 'if (left.remainingTtlSeconds >= 0)',
        replace: 'if (left.remainingTtlSeconds !== null)',
      },
    ],
    suite: MEMBERSHIP_TESTS,
    title: 'asks until it knows',
  },
  {
    id: 'membership-stays-out',
    bug: 'a member whose session was lost does not come back',
    precedent: 'npm etcd3, whose users do it by hand',
    edits: [
      {
        file: MEMBERSHIP,
        find: 'if (session.ended.isOver) return { cause, final: false };',
        replace: 'if (session.ended.isOver) return { cause, final: true };',
      },
    ],
    suite: MEMBERSHIP_TESTS,
    title: 'comes back by itself',
  },
  {
    id: 'membership-one-name-twice',
    bug: 'whoever comes with a name that is taken turns the other one out',
    edits: [
      {
        file: MEMBERSHIP,
        find: "const replaces = terms.onConflict === 'replace';",
        replace: 'const replaces = true;',
      },
    ],
    suite: MEMBERSHIP_TESTS,
    title: 'refuses, replaces or renames',
  },
  {
    id: 'membership-leaves-for-others',
    bug: 'leaving deletes the entry of whoever has the name by now',
    precedent: 'etcd #22082, for members',
    edits: [
      {
        file: MEMBERSHIP,
        find: "compare: [{ key, target: 'create', operator: '=', operand: incarnation }],",
        replace: '',
      },
    ],
    suite: MEMBERSHIP_TESTS,
    title: 'leaving takes nothing from whoever',
  },
  {
    id: 'membership-comes-back-left',
    bug: 'a member that is left as it comes back is in the group again, and nobody can leave it',
    edits: [
      {
        file: MEMBERSHIP,
        find: 'if (this.#ended.isOver) return await this.#remove(stay);',
        replace: '',
      },
    ],
    suite: MEMBERSHIP_TESTS,
    title: 'leaves nothing when it leaves while it comes back',
  },
  {
    id: 'membership-not-itself',
    bug: 'a member that tries again after a lost answer finds its name taken, by itself',
    precedent: 'CURATOR-604',
    edits: [
      {
        file: 'recipes/membership/register.js',
        find: 'const isOwn = nonceOf(other) === nonce;',
        replace: 'const isOwn = false;',
      },
    ],
    suite: MEMBERSHIP_TESTS,
    title: 'lost answers join',
  },
];

const COUNTER_BUGS: readonly RecipeBug[] = [
  {
    id: 'counter-twice',
    bug: 'an addition whose answer was lost counts again when it may have been forgotten',
    edits: [
      {
        file: 'recipes/counter/counter.js',
        find: 'if (unsure) this.#checkMemory(origin, seen);',
        replace: '',
      },
    ],
    suite: 'counter/counter.test.js',
    title: 'rather than to count twice',
  },
  {
    id: 'sequence-back',
    bug: 'a handle follows a key that went back',
    edits: [
      {
        file: 'recipes/counter/sequence.js',
        find: 'Math.max(this.#decode(seen), this.#end)',
        replace: 'this.#decode(seen)',
      },
    ],
    suite: 'counter/sequence.test.js',
    title: 'does not go back',
  },
  {
    id: 'counter-again',
    bug: 'an addition that is tried again counts twice',
    precedent: 'any counter that compares revisions and nothing else',
    edits: [
      {
        file: 'recipes/counter/counter.js',
        find: 'if (counted !== undefined) return',
        replace: 'if (counted === null) return',
      },
    ],
    suite: 'counter/counter.test.js',
    title: 'a lost answer counts once',
  },
  {
    id: 'sequence-twice',
    bug: 'two take the same block of numbers',
    edits: [
      {
        file: 'recipes/counter/sequence.js',
        find: "compare: [{ key, target: 'mod', operator: '=', operand }],",
        replace: '',
      },
    ],
    suite: 'counter/sequence.test.js',
    title: 'gives no number twice',
  },
];

const STM_BUGS: readonly RecipeBug[] = [
  {
    id: 'stm-phantom',
    bug: 'a range that was read is not part of what is compared',
    precedent: 'etcd clientv3/concurrency STM',
    edits: [
      {
        file: TRANSACTION,
        find: 'const conditions = [...keys, ...ranges];',
        replace: 'const conditions = [...keys];',
      },
    ],
    suite: STM_TESTS,
    title: 'a phantom in a range',
  },
  {
    id: 'stm-delete-in-range',
    bug: 'a delete inside of a range goes unseen',
    edits: [
      {
        file: TRANSACTION,
        find: 'const conditions = [...keys, ...ranges];',
        replace: 'const conditions = [...ranges];',
      },
    ],
    suite: STM_TESTS,
    title: 'a delete inside of a range',
  },
  {
    id: 'stm-twice',
    bug: 'a commit whose answer was lost is taken for a conflict, and runs again',
    precedent: 'etcd clientv3/concurrency STM',
    edits: [{ file: COMMITS, find: 'said === nonce', replace: 'said === null' }],
    suite: STM_TESTS,
    title: 'a lost answer commits once',
  },
  {
    id: 'stm-late',
    bug: 'a commit that arrives late undoes what was written since',
    edits: [
      {
        file: COMMITS,
        find: '[...conditions, unchanged(slot)]',
        replace: 'conditions',
      },
    ],
    suite: STM_TESTS,
    title: 'a blind write that arrives late',
  },
  {
    id: 'stm-unsettled',
    bug: 'a commit that was overtaken takes effect when what it saw absent is absent again',
    edits: [
      {
        file: COMMITS,
        find: 'isRepeated ? await this.#settle(',
        replace: 'false ? await this.#settle(',
      },
    ],
    suite: 'stm/stm-doubt.test.js',
    title: 'has not taken effect when it ends with a conflict',
  },
  {
    id: 'stm-torn',
    bug: 'reads of one try are of several revisions',
    edits: [
      {
        file: TRANSACTION,
        find: 'return await this.#send({ ...request, revision });',
        replace: 'return await this.#send(request);',
      },
    ],
    suite: STM_TESTS,
    title: 'all reads are of one revision',
  },
  {
    id: 'stm-for-ever',
    bug: 'a transaction that is overtaken tries for ever',
    precedent: "etcd's STM, which has neither limit nor pause",
    edits: [
      {
        file: 'recipes/stm/stm.js',
        find: 'if (tries >= maxRetries) {',
        replace: 'if (tries === -1) {',
      },
    ],
    suite: STM_TESTS,
    title: 'gives up after so many tries',
  },
  {
    id: 'stm-refusal-is-an-end',
    bug: 'a refusal after a try without an answer is told as if nothing had happened',
    edits: [
      {
        file: COMMITS,
        find: "throw isOpen ? inDoubt(error, 'the transaction took effect') : error;",
        replace: 'throw error;',
      },
    ],
    suite: 'stm/stm-doubt.test.js',
    title: 'a refusal after a lost answer',
  },
];

const VIEW_BUGS: readonly RecipeBug[] = [
  {
    id: 'cache-lost-delete',
    bug: 'a revision counts as seen because nothing is newer, though something is gone',
    edits: [
      {
        file: CACHE,
        find: 'read.kvs.length === 0 && read.count === known.size',
        replace: 'read.kvs.length === 0',
      },
    ],
    suite: CACHE_TESTS,
    title: 'does not miss a delete',
  },
  {
    id: 'cache-empties',
    bug: 'a cache that reads anew is empty meanwhile',
    precedent: 'etcd cache package, PR 20476',
    edits: [
      {
        file: CACHE,
        find: 'this.#listedMs = this.#context.store.clock.monotonic();',
        replace:
          'this.#listedMs = this.#context.store.clock.monotonic(); if (this.#snapshot.value) this.#show({ revision: this.#snapshot.value.revision + 1, entries: new Map() });',
      },
    ],
    suite: CACHE_TESTS,
    title: 'does not miss a delete',
  },
  {
    id: 'view-mixed-pages',
    bug: 'the pages of one snapshot are of several revisions',
    edits: [
      {
        file: SNAPSHOT,
        find: '{ key, rangeEnd, limit, revision }, { signal }',
        replace: '{ key, rangeEnd, limit }, { signal }',
      },
    ],
    suite: VIEW_TESTS,
    title: 'between two pages',
  },
  {
    id: 'view-compacted',
    bug: 'a view ends when history goes while it reads',
    precedent: 'etcd #7815',
    edits: [
      {
        file: SNAPSHOT,
        find: "!isTransient(error) && !isStoreError(error, 'Compacted')",
        replace: '!isTransient(error)',
      },
    ],
    suite: VIEW_TESTS,
    title: 'between two pages',
  },
  {
    id: 'cache-old-for-writer',
    bug: 'a writer that waits for its own write is shown what was before',
    edits: [
      {
        file: CACHE,
        find: 'while (known.revision < revision) {',
        replace: 'while (known === null) {',
      },
    ],
    suite: CACHE_TESTS,
    title: 'a revision that does not exist yet',
  },
  {
    id: 'cache-gap',
    bug: 'what changes between the list and the watch is missed',
    precedent: 'npm etcd3 #70',
    edits: [
      {
        file: 'recipes/base/prefix-view.js',
        find: 'startRevision: revision + 1 };',
        replace: 'startRevision: revision + 2 };',
      },
    ],
    suite: CACHE_TESTS,
    title: 'answers from memory',
  },
  {
    id: 'view-torn',
    bug: 'two prefixes that belong together are shown from two revisions',
    precedent: 'what combineLatest does',
    edits: [
      {
        file: 'recipes/base/prefix-snapshot.js',
        find: 'const { header, responses } = await store.txn({ success }, { signal });',
        replace:
          "const reads = []; for (const one of success) reads.push(await store.range(one, { signal })); const { header } = reads.at(-1); const responses = reads.map((read) => ({ kind: 'range', ...read }));",
      },
    ],
    suite: 'base/view-prefixes.test.js',
    title: 'never shows a half of a transaction',
  },
];

export const SHARED_DATA_BUGS: readonly RecipeBug[] = [
  ...MEMBERSHIP_BUGS,
  ...COUNTER_BUGS,
  ...STM_BUGS,
  ...VIEW_BUGS,
];
