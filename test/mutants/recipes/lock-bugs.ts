// Bugs of locks that other libraries shipped.
import { READ_WRITE_BUGS } from './read-write-bugs.js';
import type { RecipeBug } from './recipe-bug.js';

const EXCLUSIVE = 'conformance/exclusive.test.js';
const PLACE = 'recipes/base/queue-place.js';
const HEIR = 'recipes/base/heir.js';

export const LOCK_BUGS: readonly RecipeBug[] = [
  {
    id: 'lock-no-second-look',
    bug: 'who waited takes the lock when the one ahead is gone, without looking again',
    precedent: 'npm etcd3 #176, etcd #19597',
    edits: [
      {
        file: PLACE,
        find: 'view = revision === undefined ? undefined : { revision, ahead: undefined, extra: [] };',
        replace: 'view = { revision: revision ?? view.revision, ahead: undefined, extra: [] };',
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock the middle of three waiters dies',
  },
  {
    id: 'lock-herd',
    bug: 'everybody waits for the holder, and all are woken when it goes',
    precedent: "the herd that ZooKeeper's recipes warn of",
    edits: [
      {
        file: PLACE,
        find: "sortOrder: 'descend',",
        replace: "sortOrder: 'ascend',",
      },
    ],
    suite: 'lock/crowd.test.js',
    title: 'costs a lock the same for every release',
  },
  {
    id: 'lock-late-watch',
    bug: 'a waiter watches from now on, so that a deletion after its look goes unnoticed',
    precedent: 'etcd PR 16223',
    edits: [
      {
        file: PLACE,
        find: ': { key, startRevision: revision + 1, noPut: true };',
        replace: ': { key, startRevision: revision + 9, noPut: true };',
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock a waiter hears at once',
  },
  {
    id: 'lock-zombie',
    bug: 'a waiter whose session is over waits until its turn comes',
    precedent: 'etcd #19597',
    edits: [
      { file: 'recipes/base/enter-queue.js', find: 'outer.add(session.ended);', replace: '' },
      {
        file: PLACE,
        find: 'heir.released, heir.own(own)]',
        replace: 'heir.released]',
      },
      { file: PLACE, find: ': [gone, own];', replace: ': [gone];' },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock a waiter whose session ends',
  },
  {
    id: 'lock-deaf-heir',
    bug: 'whoever is next does not hear of a release when the watch has failed',
    edits: [{ file: PLACE, find: 'heir.released, heir.own(own)]', replace: 'heir.own(own)]' }],
    suite: 'lock/heir.test.js',
    title: 'has its turn at once although the watch failed',
  },
  {
    id: 'lock-late-heir',
    bug: 'whoever is next takes its turn after the deletion of its entry, of which it has heard',
    edits: [
      {
        file: 'recipes/base/heir.js',
        find: 'this.#isDoubtful ? undefined : this.#revision',
        replace: 'this.#revision',
      },
    ],
    suite: 'lock/heir.test.js',
    title: 'does not take a turn after the deletion',
  },
  {
    id: 'lock-by-lease',
    bug: 'an entry is named by its lease, so that two of one session are one',
    precedent: 'etcd #22082',
    edits: [
      {
        file: PLACE,
        find: '${leaseHex(session.lease)}-${context.store.random.hex(8)}',
        replace: '${leaseHex(session.lease)}',
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock two of one session',
  },
  {
    id: 'lock-leftover',
    bug: 'a wait that was given up leaves its entry in line',
    precedent: 'CURATOR-462',
    edits: [
      {
        file: 'recipes/base/take-back.js',
        find: 'void context.track(run()).catch(() => undefined);',
        replace: 'void run;',
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock a wait that is given up',
  },
  {
    id: 'lock-own-key',
    bug: 'a waiter whose entry was deleted believes that it is in line',
    precedent: 'CURATOR-604',
    edits: [
      {
        file: PLACE,
        find: 'if (me?.createRevision !== this.#createRevision) {',
        replace: 'if (me === null) {',
      },
    ],
    suite: 'lock/lock-faults.test.js',
    title: 'a waiter whose entry is deleted',
  },
  {
    id: 'lock-deleted-unseen',
    bug: 'a holder does not hear that its key was deleted',
    precedent: 'npm etcd3, whose lock keeps its lease to itself',
    edits: [
      {
        file: 'recipes/base/ownership.js',
        find: 'if (kv === undefined) this.#lose',
        replace: 'if (kv === null) this.#lose',
      },
    ],
    suite: 'lock/lock-faults.test.js',
    title: 'a holder whose key is deleted learns it',
  },
  {
    id: 'lock-retry',
    bug: 'an acquire that is tried again after a lost answer does not know its own entry',
    precedent: 'CURATOR-678, curator withProtection',
    edits: [
      {
        file: PLACE,
        find: 'this.#createRevision = rangeOf(result.responses[0])?.[0]?.createRevision ?? 0;',
        replace: 'this.#createRevision = revision;',
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock loseResponse',
  },
  {
    id: 'lock-expired',
    bug: 'an acquisition that took too long hands out a lock that has expired',
    precedent: 'node-redlock PR 369, etcd #9921',
    edits: [
      {
        file: PLACE,
        find: 'if (!this.session.doubtful) { this.session.assertAlive(); return view; }',
        replace: 'return view;',
      },
      { file: PLACE, find: 'await scope.race(this.session.confirmed());', replace: '' },
      {
        file: 'recipes/lock/take-hold.js',
        find: 'place.session.assertAlive(); return new LockHold(',
        replace: 'return new LockHold(',
      },
    ],
    suite: 'lock/lock-faults.test.js',
    title: 'a waiter blocked with the good news under way',
  },
  {
    id: 'lock-heir-blind',
    bug: 'who is next in the same process takes its turn, whatever became of its own entry',
    precedent: 'CURATOR-604',
    edits: [
      {
        file: HEIR,
        find: 'const isThere = own?.[0]?.createRevision === this.#terms.createRevision;',
        replace: 'const isThere = true;',
      },
    ],
    suite: 'lock/lock-faults.test.js',
    title: 'a waiter of the same process whose entry is gone',
  },
  {
    id: 'lock-heir-unasked',
    bug: 'who is next in the same process takes its turn when a release was tried, successful or not',
    precedent: 'CURATOR-678',
    edits: [{ file: HEIR, find: 'if (succeeded && isThere', replace: 'if (!succeeded || isThere' }],
    suite: 'lock/lock-faults.test.js',
    title: 'a release that finds its entry gone hands nothing over',
  },
  {
    id: 'lock-heir-no-delay',
    bug: 'who is next in the same process does not see a delay',
    precedent: 'what lock-delay is for in Chubby and Consul',
    edits: [{ file: HEIR, find: '&& (delay?.length ?? 0) === 0', replace: '' }],
    suite: 'lock/lock-faults.test.js',
    title: 'a delay keeps a waiter of the same process out',
  },
  {
    id: 'lock-heir-beside-others',
    bug: 'a reader that goes hands over to the writer behind it, though other readers are there',
    precedent: 'found here, by a random schedule',
    edits: [
      {
        file: PLACE,
        find: 'return this.#shape.aheadPrefix === undefined;',
        replace: 'return true;',
      },
    ],
    suite: 'lock/read-write-lock.test.js',
    title: 'a writer waits for all readers of its own process',
  },
  {
    id: 'lock-heir-left-alone',
    bug: 'who is next in the same process waits for an answer to a release that never comes',
    precedent: 'CURATOR-335',
    edits: [
      {
        file: HEIR,
        find: 'this.#source.clock.timer(TIMING.handOverMs',
        replace: 'this.#source.clock.timer(3_600_000',
      },
    ],
    suite: 'lock/lock-faults.test.js',
    title: 'a waiter of the same process does not wait for the answer',
  },
  {
    id: 'lock-told-before',
    bug: 'a deletion that was told before a waiter begins to follow goes unnoticed',
    precedent: 'etcd PR 16223',
    edits: [
      {
        file: 'recipes/base/own-entries.js',
        find: 'if (isMissed)',
        replace: 'if (isMissed && false)',
      },
    ],
    suite: 'base/own-entries.test.js',
    title: 'who follows too late has to look',
  },
  {
    id: 'lock-unwatched',
    bug: 'what happens to a key in the first moments of a hold is never noticed',
    precedent: 'etcd PR 16223',
    edits: [
      {
        file: 'recipes/base/ownership.js',
        find: 'const watch = { key, startRevision: revision + 1 };',
        replace: 'const watch = { key };',
      },
    ],
    suite: 'lock/lock-faults.test.js',
    title: 'a holder whose key is deleted learns it',
  },
  {
    id: 'lock-no-lease',
    bug: 'a lock is written without a lease, and stays when its holder dies',
    precedent: 'vault PR 2526',
    edits: [
      {
        file: PLACE,
        find: "const own = { kind: 'put', key: this.key, value, lease };",
        replace: "const own = { kind: 'put', key: this.key, value };",
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock the middle of three waiters dies',
  },
  {
    id: 'lock-try-blind',
    bug: 'a try takes the lock whoever has it',
    precedent: "etcd's TryLock, which puts first and looks afterwards",
    edits: [
      {
        file: PLACE,
        find: 'compare: [absent, ...this.emptyCompares()],',
        replace: 'compare: [absent],',
      },
    ],
    suite: 'lock/lock.test.js',
    title: 'a try leaves nothing behind',
  },
  {
    id: 'lock-release-once',
    bug: 'a release that did not get through is taken for done',
    precedent: 'CURATOR-678',
    edits: [
      {
        file: 'recipes/base/give-back.js',
        find: 'unsure ||= failures > 0; return store.txn(request);',
        replace:
          'unsure ||= failures > 0; return failures > 0 ? { succeeded: true, responses: [] } : store.txn(request);',
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock loseRequest',
  },
  {
    id: 'lock-waits-for-itself',
    bug: 'a handle that has the lock waits for itself when it is asked again',
    precedent: 'AsyncLock #13, AsyncEx #159',
    edits: [
      {
        file: 'recipes/lock/owner-book.js',
        find: 'if (entry !== undefined && owner === undefined) {',
        replace: 'if (entry === null) {',
      },
    ],
    suite: 'lock/lock.test.js',
    title: 'one handle is one owner',
  },
  {
    id: 'lock-no-delay',
    bug: 'the delay after a loss keeps nobody out',
    precedent: 'what lock-delay is for in Chubby and Consul',
    edits: [{ file: PLACE, find: 'return [ahead, delay];', replace: 'return [ahead];' }],
    suite: 'lock/lock-delay.test.js',
    title: 'holds after a crash of the holder',
  },
  {
    id: 'lock-owner-stale',
    bug: 'an owner that asks again is given what was lost while its event loop stood still',
    edits: [
      {
        file: 'recipes/lock/owner-book.js',
        find: 'known?.hold?.isOver === true',
        replace: 'known?.hold?.signal.aborted === true',
      },
      {
        file: 'recipes/lock/owner-book.js',
        find: 'await scope.race(hold?.confirmed() ?? Promise.resolve());',
        replace: '',
      },
      {
        file: 'recipes/lock/owner-book.js',
        find: 'if (hold?.isOver !== true)',
        replace: 'if (true)',
      },
    ],
    suite: 'lock/lock-owners.test.js',
    title: 'is not given again what was lost',
  },
  {
    id: 'lock-owner-doubt',
    bug: 'an owner that asks again is given what was taken away while its session was in doubt',
    edits: [
      {
        file: 'recipes/lock/owner-book.js',
        find: 'if (hold?.isOver !== true)',
        replace: 'if (true)',
      },
    ],
    suite: 'lock/lock-owners.test.js',
    title: 'is not given again what was taken away',
  },
  {
    id: 'lock-delay-shared',
    bug: 'a close takes away the delay of one lock because that of another is over',
    edits: [
      { file: 'recipes/base/session-pool.js', find: 'all.delete(mine);', replace: 'all.clear();' },
    ],
    suite: 'lock/lock-delay.test.js',
    title: 'a close between the ends of two delays',
  },
  ...READ_WRITE_BUGS,
  {
    id: 'lock-try-waits',
    bug: 'a try waits for an asking of the same owner that is in line',
    edits: [
      {
        file: 'recipes/lock/owner-book.js',
        find: 'if (isTry && entry !== undefined && entry.hold === undefined && !entry.isTry) return undefined;',
        replace: '',
      },
    ],
    suite: 'lock/lock-owners.test.js',
    title: 'a try answers at once',
  },
];
