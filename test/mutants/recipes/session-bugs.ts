// Bugs of sessions, and of waiting, that other libraries shipped.
import type { RecipeBug } from './recipe-bug.js';

const SESSION = 'recipes/base/session.js';
const SUITE = 'base/session.test.js';
const EXCLUSIVE = 'conformance/exclusive.test.js';

export const SESSION_BUGS: readonly RecipeBug[] = [
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
    suite: SUITE,
    title: 'counts the deadline from the sending',
  },
  {
    id: 'session-timer',
    bug: 'a loss is noticed by a timer alone, which a blocked event loop does not run',
    precedent: 'node-redlock #369',
    edits: [
      {
        file: SESSION,
        find: 'get state() { this.#lookAtClock();',
        replace: 'get state() {',
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock an owner is blocked for two TTLs',
  },
  {
    id: 'session-silent',
    bug: 'nobody is told that the deadline has passed until somebody asks',
    precedent: 'Consul #18271',
    edits: [
      {
        file: SESSION,
        find: 'clock.timer(delayMs, () => this.#lookAtClock());',
        replace: 'clock.timer(delayMs, () => undefined);',
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock an owner that is cut off',
  },
  {
    id: 'session-one-failure',
    bug: 'one renewal that fails ends the renewing',
    precedent: 'Redisson #775, #3194',
    edits: [{ file: SESSION, find: 'this.#armBeat(sentMs + this.#beatMs / 2);', replace: '' }],
    suite: SUITE,
    title: 'survives failed and unanswered keep-alives',
  },
  {
    id: 'session-renews-on',
    bug: 'the renewing outlives the session',
    precedent: 'Redisson #7272',
    edits: [
      {
        file: SESSION,
        find: 'this.#beatTimer?.cancel(); this.#deadlineTimer?.cancel();',
        replace: 'this.#deadlineTimer?.cancel();',
      },
      {
        file: SESSION,
        find: "if (this.#state.value.kind === 'lost') return; const overdueMs",
        replace: 'const overdueMs',
      },
    ],
    suite: SUITE,
    title: 'renews no more',
  },
  {
    id: 'session-unknown-lease',
    bug: 'a server that does not know the lease is taken for one that does not answer',
    precedent: 'etcd PR 20616, seen from the client',
    edits: [
      {
        file: SESSION,
        find: "if (isStoreError(error, 'LeaseNotFound')) this.#loseAtServer(); else this.#doubt();",
        replace: 'this.#doubt();',
      },
    ],
    suite: SUITE,
    title: 'does not know the lease',
  },
  {
    id: 'session-jump',
    bug: 'a machine that was suspended takes its lock for held',
    precedent: 'monotonic clocks stop while a machine is suspended',
    edits: [
      {
        file: SESSION,
        find: 'if (aheadMs > Math.max(this.#marginMs, TIMING.clockJumpMinMs)) {',
        replace: 'if (aheadMs === null) {',
      },
    ],
    suite: SUITE,
    title: 'finds out after a suspend',
  },
  {
    id: 'wait-lost-event',
    bug: 'who waits for an event that was dropped waits for ever',
    precedent: 'etcd #18089, #19179',
    edits: [
      {
        file: 'recipes/base/await-change.js',
        find: 'pollAfter(pollMs);',
        replace: '',
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: lock the one event',
  },
  {
    id: 'wait-hot-loop',
    bug: 'a watch that ends at once is opened again at once, for ever',
    precedent: "etcd's RWMutex, etcd #6408",
    edits: [
      {
        file: 'recipes/base/await-change.js',
        find: 'pollAfter(TIMING.retryMaxMs);',
        replace: 'resolve(undefined);',
      },
    ],
    suite: 'base/await-change.test.js',
    title: 'looks again after a pause',
  },
  {
    id: 'session-margin-asked',
    bug: 'the margin is taken of the TTL that was asked for, not of the longer one that was granted',
    edits: [
      {
        file: SESSION,
        find: 'options.marginMs ?? ttlMs * TIMING.marginFraction,',
        replace: 'options.marginMs ?? ttlSeconds * 1000 * TIMING.marginFraction,',
      },
    ],
    suite: SUITE,
    title: 'of 1 s asked for',
  },
  {
    id: 'session-release-refused',
    bug: 'what the store refused to give back stays held for as long as the session lives',
    precedent: 'CURATOR-678',
    edits: [
      {
        file: 'recipes/base/give-back.js',
        find: 'giveBackLater(store, session, request); throw error;',
        replace: 'throw error;',
      },
    ],
    suite: 'refusals.test.js',
    title: 'a lock whose release was refused',
  },
];
