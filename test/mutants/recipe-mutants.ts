// Bugs of locks, elections and slots: numbers 49 to 51; and of what several share: from 53 on.
import type { Hunt, Mutant } from './mutant.js';

const RECIPES: readonly Hunt[] = [{ scenario: 'rivals' }, { scenario: 'recipes' }];
const SHARED: readonly Hunt[] = [{ scenario: 'sharers', seconds: 30 }, { scenario: 'shared' }];
const GATHERED: readonly Hunt[] = [
  { scenario: 'onlookers', seconds: 30 },
  { scenario: 'gatherers' },
];
const PLACE = 'recipes/base/queue-place.js';

export const RECIPE_MUTANTS: readonly Mutant[] = [
  {
    id: '49',
    bug: 'whoever waits for a lock is given it after its lease has ended',
    isQuick: true,
    precedent: 'etcd #11408, by Jepsen',
    expected: ['K3', 'K2'],
    hunts: RECIPES,
    edits: [
      {
        file: PLACE,
        find: 'if (me?.createRevision !== this.#createRevision) {',
        replace: 'if (me === null) {',
      },
      {
        file: PLACE,
        find: 'if (this.session.doubtful) await scope.race(this.session.confirmed()); scope.check(); this.session.assertAlive();',
        replace: 'scope.check();',
      },
      {
        file: PLACE,
        find: 'this.session.assertAlive(); return view;',
        replace: 'return view;',
      },
      { file: 'recipes/base/enter-queue.js', find: 'outer.add(session.ended);', replace: '' },
      {
        file: 'recipes/lock/take-hold.js',
        find: 'place.session.assertAlive(); return new LockHold',
        replace: 'return new LockHold',
      },
    ],
  },
  {
    id: '50',
    bug: 'a leader that resigns deletes the key of whoever leads',
    isQuick: true,
    expected: ['K4', 'K3'],
    hunts: RECIPES,
    note: 'the keys of a lock are used once, so that only an election can delete another’s',
    edits: [
      {
        file: 'recipes/election/leadership.js',
        find: 'if (loss !== undefined) throw this.#ownership.lostError(loss); const outcome = await giveBack(this.#context.store, this.#place.session, { compare: [this.guard()],',
        replace:
          'const outcome = await giveBack(this.#context.store, { ended: this.#context.closed }, { compare: [],',
      },
    ],
  },
  {
    id: '51',
    bug: 'slots are counted outside of the transaction that takes one',
    expected: ['K5'],
    hunts: RECIPES,
    edits: [
      {
        file: 'recipes/reboot/group-writer.js',
        find: 'compare: [unmoved, ...(step.compare ?? [])],',
        replace: 'compare: [...(step.compare ?? [])],',
      },
      {
        file: 'recipes/reboot/grant-attempt.js',
        find: 'turn, ...this.#clocksRun(view),',
        replace: '...this.#clocksRun(view),',
      },
    ],
  },
  {
    id: '53',
    bug: 'permits are counted outside of the transaction that grants them',
    precedent: 'semaphores on etcd that list their holders and then put',
    expected: ['K6'],
    hunts: SHARED,
    edits: [
      {
        file: 'recipes/semaphore/semaphore-state.js',
        find: 'unchanged(keys.epoch, count.epochRevision),',
        replace: '',
      },
    ],
  },
  {
    id: '54',
    bug: 'whoever had claimed a message acknowledges it when it is somebody else’s',
    precedent: 'queues whose consumers delete by message id',
    expected: ['K8', 'K3'],
    hunts: SHARED,
    edits: [
      {
        file: 'recipes/queue/message.js',
        find: 'await store.txn({ ...request, ...(success',
        replace: 'await store.txn({ ...request, compare: [], ...(success',
      },
      {
        file: 'recipes/queue/message.js',
        find: 'new CancelScope(store, {}, session.ended), false); let unsure',
        replace: 'new CancelScope(store, {}), false); let unsure',
      },
      {
        file: 'recipes/base/key-hold.js',
        find: 'if (loss !== undefined) {',
        replace: 'if (loss === null) {',
      },
    ],
  },
  {
    id: '55',
    bug: 'a reader becomes a writer while others read',
    isQuick: true,
    expected: ['K7', 'K3'],
    hunts: SHARED,
    edits: [
      {
        file: 'recipes/lock/read-write-holds.js',
        find: 'await send([alone], [mark, touch]);',
        replace: 'await send([], [mark, touch]);',
      },
    ],
  },
  {
    id: '56',
    bug: 'a leadership is moved whoever has it meanwhile',
    expected: ['K4', 'K3'],
    hunts: SHARED,
    edits: [
      {
        file: 'recipes/election/transfer.js',
        find: 'compare: [ termGuard(keys, term), {',
        replace: 'compare: [ {',
      },
    ],
  },
  {
    id: '57',
    bug: 'an addition whose answer was lost is added again',
    precedent: 'counters on etcd and ZooKeeper that retry a conditional write',
    expected: ['K10'],
    hunts: SHARED,
    edits: [
      {
        file: 'recipes/counter/counter.js',
        find: 'if (counted !== undefined)',
        replace: 'if (counted === null)',
      },
    ],
  },
  {
    id: '58',
    bug: 'a range that a transaction has read is not part of what its commit compares',
    precedent: 'etcd clientv3/concurrency STM',
    expected: ['K13'],
    hunts: GATHERED,
    edits: [
      {
        file: 'recipes/stm/transaction.js',
        find: 'const conditions = [...keys, ...ranges];',
        replace: 'const conditions = [...keys];',
      },
    ],
  },
  {
    id: '59',
    bug: 'a cache that reads anew is empty meanwhile',
    precedent: 'etcd cache package, PR 20476',
    expected: ['K14'],
    hunts: GATHERED,
    edits: [
      {
        file: 'recipes/cache/prefix-cache.js',
        find: 'this.#listedMs = this.#context.store.clock.monotonic();',
        replace:
          'this.#listedMs = this.#context.store.clock.monotonic(); if (this.#snapshot.value) this.#show({ revision: this.#snapshot.value.revision + 1, entries: new Map() });',
      },
    ],
  },
  {
    id: '60',
    bug: 'prefixes that belong together are shown from several revisions',
    precedent: 'what combineLatest does',
    expected: ['K14'],
    hunts: GATHERED,
    edits: [
      {
        file: 'recipes/base/prefix-snapshot.js',
        find: 'const { header, responses } = await store.txn({ success }, { signal });',
        replace:
          "const reads = []; for (const one of success) reads.push(await store.range(one, { signal })); const { header } = reads.at(-1); const responses = reads.map((read) => ({ kind: 'range', ...read }));",
      },
    ],
  },
  {
    id: '61',
    bug: 'all instances take a new value at once',
    precedent: 'consul-template #347, nomad #2202, envconsul #53',
    expected: ['K15'],
    hunts: GATHERED,
    edits: [
      {
        file: 'recipes/config/rollout.js',
        find: 'const permit = await this.#gate.acquire({ signal: scope.signal });',
        replace:
          'const permit = { release: async () => undefined, signal: new AbortController().signal };',
      },
    ],
  },
  {
    id: '62',
    bug: 'a bad value goes on through the fleet whoever has failed with it',
    precedent: 'kube-hetzner #1182, for values',
    expected: ['K15'],
    hunts: GATHERED,
    edits: [
      {
        file: 'recipes/config/rollout.js',
        find: 'return failures.length > failureBudget',
        replace: 'return failures.length > Infinity',
      },
    ],
  },
  {
    id: '63',
    bug: 'whoever waits at a barrier takes the end of its watch for an opening',
    precedent: 'etcd’s Barrier.Wait',
    expected: ['K9'],
    hunts: GATHERED,
    edits: [
      {
        file: 'recipes/barrier/barrier.js',
        find: '[watch], TIMING.sessionTtlSeconds * 1000);',
        replace: '[watch], TIMING.sessionTtlSeconds * 1000); return revision;',
      },
    ],
  },
  {
    id: '64',
    bug: 'who leaves a double barrier does not wait for the others',
    expected: ['K9'],
    hunts: SHARED,
    edits: [
      {
        file: 'recipes/barrier/barrier-entry.js',
        find: 'if (view.here === 0) return;',
        replace: 'return;',
      },
    ],
  },
  {
    id: '65',
    bug: 'two take the same block of numbers of a sequence',
    expected: ['K10'],
    hunts: SHARED,
    edits: [
      {
        file: 'recipes/counter/sequence.js',
        find: "compare: [{ key, target: 'mod', operator: '=', operand }],",
        replace: '',
      },
    ],
  },
];
