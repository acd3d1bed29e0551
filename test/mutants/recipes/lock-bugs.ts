// Bugs of sessions and locks that other libraries shipped.
import type { RecipeBug } from './recipe-bug.js';

const EXCLUSIVE = 'conformance/exclusive.test.js';
const PLACE = 'recipes/base/queue-place.js';
const SESSION = 'recipes/base/session.js';
const LOCK = 'conformance: lock ';

export const LOCK_BUGS: readonly RecipeBug[] = [
  {
    id: 'session-deadline',
    bug: 'the deadline counts from the answer of a keep-alive, not from when it was sent',
    precedent: 'npm etcd3 #110, #13',
    edits: [
      {
        file: SESSION,
        find: '() => this.#acknowledge(sentMs)',
        replace: '() => this.#acknowledge(clock.monotonic())',
      },
    ],
    suite: 'base/session.test.js',
  },
  {
    id: 'session-timer',
    bug: 'a loss is noticed by a timer alone, which a blocked event loop does not run',
    precedent: 'Consul #18271, node-redlock #369',
    edits: [
      {
        file: SESSION,
        find: 'get state() { this.#lookAtClock();',
        replace: 'get state() {',
      },
    ],
    suite: EXCLUSIVE,
    title: LOCK,
  },
  {
    id: 'session-one-failure',
    bug: 'one renewal that fails ends the renewing',
    precedent: 'Redisson #775, #3194',
    edits: [{ file: SESSION, find: 'this.#armBeat(sentMs + this.#beatMs / 2);', replace: '' }],
    suite: 'base/session.test.js',
  },
  {
    id: 'session-jump',
    bug: 'a machine that was suspended takes its lock for held',
    precedent: 'monotonic clocks stop while a machine is suspended',
    edits: [
      {
        file: SESSION,
        find: 'if (aheadMs > this.#marginMs) {',
        replace: 'if (aheadMs === null) {',
      },
    ],
    suite: 'base/session.test.js',
  },
  {
    id: 'lock-no-second-look',
    bug: 'who waited takes the lock when the one ahead is gone, without looking again',
    precedent: 'npm etcd3 #176, etcd #19597',
    edits: [
      {
        file: PLACE,
        find: 'await this.awaitGone(scope, view, view.ahead.key); continue;',
        replace: 'await this.awaitGone(scope, view, view.ahead.key); return view;',
      },
    ],
    suite: EXCLUSIVE,
    title: LOCK,
  },
  {
    id: 'lock-late-watch',
    bug: 'a waiter watches from now on, so that a deletion after its look goes unnoticed',
    precedent: 'etcd PR 16223',
    edits: [
      {
        file: PLACE,
        find: '{ key, startRevision, noPut: true },',
        replace: '{ key, startRevision: startRevision + 1, noPut: true },',
      },
    ],
    suite: 'lock/crowd.test.js',
  },
  {
    id: 'lock-zombie',
    bug: 'a waiter whose session is over waits until its turn comes',
    precedent: 'etcd #19597',
    edits: [
      { file: 'recipes/base/enter-queue.js', find: 'outer.add(session.ended);', replace: '' },
      {
        file: PLACE,
        find: '{ key: this.key, startRevision, noPut: true },',
        replace: '',
      },
    ],
    suite: EXCLUSIVE,
    title: LOCK,
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
    title: LOCK,
  },
  {
    id: 'lock-leftover',
    bug: 'a wait that was given up leaves its entry in line',
    precedent: 'CURATOR-462',
    edits: [
      {
        file: PLACE,
        find: 'void this.#context.track(remove()).catch(() => undefined);',
        replace: 'void remove;',
      },
    ],
    suite: EXCLUSIVE,
    title: LOCK,
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
  },
  {
    id: 'lock-retry',
    bug: 'an acquire that is tried again after a lost answer does not know its own entry',
    precedent: 'CURATOR-678, curator withProtection',
    edits: [
      {
        file: PLACE,
        find: 'this.#createRevision = result.succeeded ? revision : (found?.createRevision ?? 0);',
        replace: 'this.#createRevision = revision;',
      },
    ],
    suite: EXCLUSIVE,
    title: LOCK,
  },
];
