// Bugs of tools that distribute configuration, and those that ours is one line away from.
import type { RecipeBug } from './recipe-bug.js';

const CONSUMER = 'recipes/config/config-consumer.js';
const LIVE = 'recipes/config/live-config.js';
const GATE = 'recipes/config/quiet-gate.js';
const VIEW = 'recipes/base/prefix-view.js';
const ROLLOUT = 'recipes/config/rollout.js';
const CONFIG = 'config/config.test.js';
const CACHED = 'config/config-cache.test.js';
const QUIET = 'config/config-guard.test.js';
const ROLLOUTS = 'config/rollout.test.js';

export const CONFIG_BUGS: readonly RecipeBug[] = [
  {
    id: 'config-cursor',
    bug: 'a value counts as handled before it is, and is not tried again when that fails',
    precedent: 'confd #671',
    edits: [
      {
        file: CONSUMER,
        find: "this.#status.next({ kind: 'applying', revision, failures });",
        replace:
          "this.#handled = accepted; this.#status.next({ kind: 'applying', revision, failures });",
      },
    ],
    suite: 'config/config-consumer.test.js',
    title: 'a handler that fails is called again',
  },
  {
    id: 'config-deletions',
    bug: 'a key that is deleted stays in the configuration',
    precedent: 'confd #172',
    edits: [
      {
        file: VIEW,
        find: 'withChanges(current.entries, changes);',
        replace: 'withChanges(current.entries, changes.filter(([, kv]) => kv !== undefined));',
      },
    ],
    suite: CONFIG,
    title: 'tells never synced, empty, present and deleted apart',
  },
  {
    id: 'config-old-for-ever',
    bug: 'a change whose event was dropped is not seen until the next one',
    precedent: 'confd #479',
    edits: [
      {
        file: VIEW,
        find: 'timer = this.#store.clock.timer(TIMING.viewPollMs, () => resolve(undefined));',
        replace: '',
      },
    ],
    suite: CONFIG,
    title: 'finds a change whose event never came',
  },
  {
    id: 'config-empty-meanwhile',
    bug: 'an empty configuration is given out while it is read anew',
    precedent: 'consul-template #1713, #1131, consul #16539',
    edits: [
      {
        file: VIEW,
        find: 'this.#doubt(describeFailure(error));',
        replace: 'this.#show({ revision: this.#current.revision, entries: new Map() }, new Set());',
      },
    ],
    suite: CONFIG,
    title: 'never an empty one',
  },
  {
    id: 'config-invalid',
    bug: 'a value that the schema refuses takes the place of the last good one',
    precedent: 'confd, viper: what the store has is what you get',
    edits: [
      {
        file: LIVE,
        find: "if (verdict?.kind === 'accept') { this.#rejection = undefined;",
        replace: 'if (verdict !== undefined) { this.#rejection = undefined;',
      },
    ],
    suite: CONFIG,
    title: 'keeps the last good value',
  },
  {
    id: 'config-torn',
    bug: 'a configuration of several pages is put together from several revisions',
    precedent: 'viper #174, #1394, #2026; consul-template #531',
    edits: [
      {
        file: 'recipes/base/prefix-snapshot.js',
        find: '{ key, rangeEnd, limit, revision }',
        replace: '{ key, rangeEnd, limit }',
      },
    ],
    suite: CONFIG,
    title: 'at one revision',
  },
  {
    id: 'config-no-start',
    bug: 'a process cannot start while the store is away',
    precedent: 'spring-cloud-config #157, #1569',
    edits: [
      {
        file: LIVE,
        find: 'this.#submit({ state: record.state, savedMs: record.savedMs });',
        replace: '',
      },
    ],
    suite: CACHED,
    title: 'starts from the cache',
  },
  {
    id: 'config-cache-wins',
    bug: 'what was cached takes the place of what the store has said',
    edits: [
      {
        file: LIVE,
        find: 'if (record === undefined || this.#seen !== undefined) return;',
        replace: 'if (record === undefined) return;',
      },
      {
        file: LIVE,
        find: "if (verdict?.kind === 'accept') { if (this.#seen !== undefined) return;",
        replace: "if (verdict?.kind === 'accept') {",
      },
    ],
    suite: CACHED,
    title: 'a cache that is slow',
  },
  {
    id: 'config-cached-secrets',
    bug: 'secrets are written to the cache',
    edits: [
      {
        file: 'recipes/config/config-cache.js',
        find: 'if (cacheSecrets || secrets.length === 0)',
        replace: 'if (cacheSecrets || secrets.length >= 0)',
      },
    ],
    suite: CACHED,
    title: 'never caches what is marked secret',
  },
  {
    id: 'config-file-of-nothing',
    bug: 'a file is written before the store was asked',
    precedent: 'consul-template #1713',
    edits: [{ file: 'recipes/config/file-sink.js', find: 'confirmed: true,', replace: '' }],
    suite: 'config/file-sink.test.js',
    title: 'writes no default before the store was asked',
  },
  {
    id: 'config-quiet-first',
    bug: 'the first value waits for quiet',
    precedent: 'consul-template #703',
    edits: [
      {
        file: GATE,
        find: 'if (this.#isFirst || this.#quietMs === 0) {',
        replace: 'if (this.#quietMs === 0) {',
      },
    ],
    suite: QUIET,
    title: 'the first value at once',
  },
  {
    id: 'config-never-quiet',
    bug: 'where it is never quiet nothing is ever given out',
    precedent: 'consul-template #1814',
    edits: [
      {
        file: GATE,
        find: 'this.#limit ??= this.#clock.timer(this.#maxWaitMs, flush);',
        replace: '',
      },
    ],
    suite: QUIET,
    title: 'the first value at once',
  },
  {
    id: 'rollout-all-at-once',
    bug: 'the whole fleet takes a new value at once',
    precedent: 'consul-template #347, nomad #2202, envconsul #53',
    edits: [
      {
        file: ROLLOUT,
        find: 'const permit = await this.#gate.acquire({ signal: scope.signal });',
        replace:
          'const permit = { release: async () => undefined, signal: new AbortController().signal };',
      },
    ],
    suite: ROLLOUTS,
    title: 'two at a time',
  },
  {
    id: 'rollout-no-budget',
    bug: 'a bad value walks through the whole fleet',
    precedent: 'kube-hetzner #1182, for values',
    edits: [
      {
        file: ROLLOUT,
        find: 'return failures.length > failureBudget',
        replace: 'return failures.length > Infinity',
      },
    ],
    suite: ROLLOUTS,
    title: 'a bad value stops after the budget',
  },
  {
    id: 'rollout-healthy-enough',
    bug: 'the next one goes as soon as a value was taken, healthy or not',
    precedent: 'CLUO #99, bottlerocket #12',
    edits: [
      {
        file: ROLLOUT,
        find: 'await soak(this.#context.store, scope, terms);',
        replace: '',
      },
    ],
    suite: ROLLOUTS,
    title: 'bad health counts',
  },
  {
    id: 'config-guard-nested',
    bug: 'after a report of a nested configuration no guard holds any more',
    edits: [
      {
        file: 'recipes/config/config-guard.js',
        find: 'const isSame = state === undefined ? isEmptyState(seen) : sameState(state, seen);',
        replace: 'const isSame = false;',
      },
    ],
    suite: QUIET,
    title: 'what is kept beside nested prefixes is no write',
  },
  {
    id: 'rollout-late-begin',
    bug: 'an attempt that was withdrawn begins by a late note, and the instance counts as dead of it',
    edits: [
      {
        file: 'recipes/config/rollout-desk.js',
        find: "!this.#isUnsure || outcome === 'done'",
        replace: 'outcome !== null',
      },
    ],
    suite: 'config/rollout-faults.test.js',
    title: 'begins nothing after the attempt was withdrawn',
  },
  {
    id: 'rollout-closed-is-dead',
    bug: 'an instance that is closed as it begins counts as dead of the value, and stops the others',
    edits: [
      {
        file: 'recipes/config/rollout-desk.js',
        find: 'await this.#takeBack(session, lastWrite, book, mark);',
        replace: '',
      },
    ],
    suite: 'config/rollout-faults.test.js',
    title: 'closed at any moment',
  },
  {
    id: 'rollout-done-untold',
    bug: 'an instance that is closed as it notes that it is done counts as dead of the value',
    edits: [
      {
        file: 'recipes/config/rollout-desk.js',
        find: 'await this.#end(last, begun, outcome, message);',
        replace: '',
      },
    ],
    suite: 'config/rollout-faults.test.js',
    title: 'closed while it notes that it is done',
  },
  {
    id: 'config-report-comes-back',
    bug: 'a report that was on its way when its configuration was closed stays',
    edits: [
      {
        file: 'recipes/config/config-reporter.js',
        find: 'await scope.race(this.#lastWrite.catch(() => undefined));',
        replace: '',
      },
    ],
    suite: 'config/config-reports.test.js',
    title: 'at whatever moment that is closed',
  },
];
