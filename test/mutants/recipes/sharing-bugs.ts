// Bugs of semaphores, barriers, latches and queues that other libraries shipped, and those that
// ours are one line away from.
import type { RecipeBug } from './recipe-bug.js';

const STATE = 'recipes/semaphore/semaphore-state.js';
const REQUEST = 'recipes/semaphore/permit-request.js';
const BARRIER = 'recipes/barrier/barrier.js';
const ENTRY = 'recipes/barrier/barrier-entry.js';
const RECEIVE = 'recipes/queue/receive-request.js';
const SHRINKING = 'semaphore/semaphore-limit.test.js';
const QUEUE_FAULTS = 'queue/queue-faults.test.js';

const SEMAPHORE_BUGS: readonly RecipeBug[] = [
  {
    id: 'semaphore-old-limit',
    bug: 'permits are granted by a limit that has been lowered since it was read',
    precedent: 'the rule that counts the keys before the own one',
    edits: [{ file: STATE, find: 'unchanged(keys.limit, count.limitRevision),', replace: '' }],
    suite: SHRINKING,
    title: 'admits nobody beyond',
  },
  {
    id: 'semaphore-old-count',
    bug: 'permits are granted by a count that misses a grant made since',
    edits: [{ file: STATE, find: 'unchanged(keys.epoch, count.epochRevision),', replace: '' }],
    suite: SHRINKING,
    title: 'admits nobody beyond',
  },
  {
    id: 'semaphore-leftover',
    bug: 'an acquisition that was given up leaves its entry',
    precedent: 'CURATOR-462, CURATOR-315',
    edits: [{ file: REQUEST, find: 'if (!this.#hasWritten) return;', replace: 'return;' }],
    suite: 'semaphore/semaphore.test.js',
    title: 'leaves no entry either way',
  },
  {
    id: 'semaphore-lost-answer',
    bug: 'a grant whose answer was lost is not recognised',
    precedent: 'CURATOR-335',
    edits: [
      {
        file: REQUEST,
        find: 'return rangeOf(result.responses[0])?.[0]?.createRevision;',
        replace: 'return undefined;',
      },
    ],
    suite: 'semaphore/semaphore-faults.test.js',
    title: 'a lost answer to the grant',
  },
  {
    id: 'semaphore-ghost',
    bug: 'an entry in line that arrives late stands before everybody',
    edits: [{ file: REQUEST, find: 'this.place.sweep();', replace: '' }],
    suite: 'semaphore/semaphore-faults.test.js',
    title: 'does not block the line for good',
  },
  {
    id: 'semaphore-late-grant',
    bug: 'a try that was refused takes a permit when nobody is in the way any more',
    edits: [
      {
        file: REQUEST,
        find: 'if (operand === undefined) return []; const',
        replace: 'if (operand !== null) return []; const',
      },
    ],
    suite: 'semaphore/semaphore-faults.test.js',
    title: 'nor does one that arrives after it was refused',
  },
  {
    id: 'semaphore-herd',
    bug: 'everybody in line is woken by every release',
    edits: [
      {
        file: REQUEST,
        find: 'else { watches.push({ key: ahead.key, startRevision, noPut: true }); }',
        replace: 'watches.push({ ...prefix(this.#keys.held), startRevision });',
      },
    ],
    suite: 'semaphore/semaphore-crowd.test.js',
    title: 'fifo',
  },
  {
    id: 'semaphore-no-lease',
    bug: 'permits of a holder that died are never freed',
    precedent: 'CURATOR-595',
    edits: [
      {
        file: STATE,
        find: "{ kind: 'put', key: heldKey, value, lease },",
        replace: "{ kind: 'put', key: heldKey, value },",
      },
    ],
    suite: 'conformance/sharing.test.js',
    title: 'conformance: semaphore of three one that has it dies',
  },
  {
    id: 'semaphore-overtaken',
    bug: 'small requests overtake a large one for ever',
    precedent: 'Hazelcast, which warns of it',
    edits: [
      {
        file: REQUEST,
        find: "if (inLine > 0 && count.limit.order === 'fifo') return 'refused';",
        replace: '',
      },
    ],
    suite: 'semaphore/semaphore.test.js',
    title: 'a heavy request holds back',
  },
  {
    id: 'semaphore-limit-of-the-code',
    bug: 'the limit is the one that a client was made with',
    precedent: 'Consul and Curator, whose clients must agree; airlock #81',
    edits: [
      {
        file: REQUEST,
        find: 'if (count.limit === undefined) throw noLimit(this.#terms.name);',
        replace:
          'if (this.#terms.initialLimit !== undefined) count.limit = this.#terms.initialLimit; if (count.limit === undefined) throw noLimit(this.#terms.name);',
      },
    ],
    suite: 'semaphore/semaphore.test.js',
    title: 'an initial limit is for the first who asks',
  },
];

const BARRIER_BUGS: readonly RecipeBug[] = [
  {
    id: 'barrier-dead-watch',
    bug: 'a watch that ends is taken for an opening',
    precedent: "etcd's Barrier.Wait",
    edits: [
      {
        file: BARRIER,
        find: '[watch], TIMING.sessionTtlSeconds * 1000);',
        replace: '[watch], TIMING.sessionTtlSeconds * 1000); return revision;',
      },
    ],
    suite: 'barrier/barrier.test.js',
    title: 'look again, never open',
  },
  {
    id: 'barrier-late-watch',
    bug: 'an opening between the read and the watch is missed',
    precedent: 'etcd PR 16223',
    edits: [
      {
        file: BARRIER,
        find: '{ key, startRevision: revision + 1, noPut: true }',
        replace: '{ key, noPut: true }',
      },
    ],
    suite: 'barrier/barrier.test.js',
    title: 'between the read and the watch',
  },
  {
    id: 'double-barrier-last',
    bug: 'only the last one to come opens, and it may die before it does',
    precedent: "etcd's DoubleBarrier",
    edits: [
      {
        file: ENTRY,
        find: 'if (view.oldest?.createRevision === own.createRevision) {',
        replace: 'if (view.oldest === null) {',
      },
    ],
    suite: 'barrier/double-barrier.test.js',
    title: 'died before it could',
  },
  {
    id: 'double-barrier-early-leave',
    bug: 'who leaves does not wait for the others',
    edits: [{ file: ENTRY, find: 'if (view.here === 0) return;', replace: 'return;' }],
    suite: 'barrier/double-barrier.test.js',
    title: 'in together and out together',
  },
  {
    id: 'double-barrier-late',
    bug: 'others pass together with one that has given up, whose entry comes late',
    edits: [{ file: ENTRY, find: 'settle: { kind:', replace: 'settleNot: { kind:' }],
    suite: 'barrier/double-barrier.test.js',
    title: 'does not count who has given up',
  },
  {
    id: 'latch-counts-calls',
    bug: 'a countdown that is tried again counts twice',
    precedent: 'what the invocation ids of Hazelcast are for',
    edits: [
      {
        file: 'recipes/barrier/latch.js',
        find: 'this.#keys.down(round) + id; const reads',
        replace: 'this.#keys.down(round) + id + this.#context.store.random.hex(4); const reads',
      },
    ],
    suite: 'barrier/latch.test.js',
    title: 'opens at the count of distinct ids',
  },
  {
    id: 'latch-endless',
    bug: 'a wait for a count that never comes has no end',
    precedent: 'what Hazelcast omits on purpose',
    edits: [
      {
        file: 'recipes/barrier/latch.js',
        find: 'if (options.signal === undefined && options.timeoutMs === undefined) {',
        replace: 'if (options.signal === null) {',
      },
    ],
    suite: 'barrier/latch.test.js',
    title: 'refuses to wait without an end',
  },
  {
    id: 'latch-dead-counter',
    bug: 'the last one to count dies before it can open, and nobody else opens',
    precedent: "etcd's DoubleBarrier, for latches",
    edits: [
      {
        file: 'recipes/barrier/latch.js',
        find: 'if (view.downs >= state.count)',
        replace: 'if (view.downs < 0)',
      },
    ],
    suite: 'barrier/latch.test.js',
    title: 'opens though the last counter died',
  },
];

const QUEUE_BUGS: readonly RecipeBug[] = [
  {
    id: 'queue-at-most-once',
    bug: 'a message is deleted before it is worked on',
    precedent: "etcd's queue",
    edits: [
      {
        file: RECEIVE,
        find: "also: [{ kind: 'put', key: pair.key, value: encodeReady(attempts) }, ...leaveLine],",
        replace: "also: [{ kind: 'delete', key: pair.key }, ...leaveLine],",
      },
    ],
    suite: QUEUE_FAULTS,
    title: 'a consumer that dies',
  },
  {
    id: 'queue-two-consumers',
    bug: 'a consumer that lost its message acknowledges it for the one that has it now',
    precedent: 'CURATOR-605',
    edits: [
      {
        file: 'recipes/base/key-hold.js',
        find: 'if (loss !== undefined)',
        replace: 'if (loss === null)',
      },
      {
        file: 'recipes/base/key-hold.js',
        find: 'compare: [this.guard()],',
        replace: 'compare: [],',
      },
      {
        file: 'recipes/queue/message.js',
        find: 'new CancelScope(store, {}, session.ended)',
        replace: 'new CancelScope(store, {})',
      },
    ],
    suite: QUEUE_FAULTS,
    title: 'a consumer that dies',
  },
  {
    id: 'queue-priority',
    bug: 'what was sent last is taken, whatever its priority',
    precedent: "etcd's priority queue takes what woke it",
    edits: [
      {
        file: 'recipes/queue/queue-look.js',
        find: "sortTarget: 'key', sortOrder: 'ascend',",
        replace: "sortTarget: 'create', sortOrder: 'descend',",
      },
    ],
    suite: 'queue/queue.test.js',
    title: 'takes the highest priority',
  },
  {
    id: 'queue-herd',
    bug: 'every idle consumer is woken by every message',
    precedent: "etcd's queue",
    edits: [
      {
        file: RECEIVE,
        find: 'if (view.ahead !== undefined) {',
        replace: 'if (view.ahead === null) {',
      },
    ],
    suite: QUEUE_FAULTS,
    title: 'one message wakes one consumer',
  },
  {
    id: 'queue-stops',
    bug: 'consuming ends with the session',
    precedent: 'CURATOR-623',
    edits: [
      {
        file: 'recipes/queue/consume.js',
        find: "const PASSING = ['SessionLost', 'LockLost', 'Unavailable'];",
        replace: 'const PASSING = [];',
      },
    ],
    suite: 'queue/consume.test.js',
    title: 'goes on after its session was lost',
  },
  {
    id: 'queue-claim-of-nobody',
    bug: 'a claim that arrives after its request was given up stays',
    edits: [{ file: RECEIVE, find: 'this.#claim?.drop();', replace: '' }],
    suite: QUEUE_FAULTS,
    title: 'a claim that arrives after',
  },
  {
    id: 'queue-false-ack',
    bug: 'an acknowledgement that never arrived is reported as done',
    edits: [
      {
        file: 'recipes/queue/message.js',
        find: "if (scope.signal.aborted) return 'gone';",
        replace: "if (scope.signal.aborted) return 'given-back';",
      },
    ],
    suite: QUEUE_FAULTS,
    title: 'an ack that never got through',
  },
  {
    id: 'queue-leftovers',
    bug: 'something of a message stays when it was acknowledged',
    precedent: "the prefix keys of etcd's priority queue",
    edits: [
      {
        file: 'recipes/queue/message.js',
        find: "{ kind: 'delete', key: keys.body + id },",
        replace: '',
      },
    ],
    suite: 'queue/queue.test.js',
    title: 'keeps nothing of what was acknowledged',
  },
  {
    id: 'queue-poison',
    bug: 'a message that kills its consumers is delivered for ever',
    precedent: 'queues without a delivery limit',
    edits: [
      {
        file: RECEIVE,
        find: 'if (decodeReady(candidate.pair) >= this.#terms.maxAttempts) {',
        replace: 'if (decodeReady(candidate.pair) < 0) {',
      },
    ],
    suite: QUEUE_FAULTS,
    title: 'a message that kills its consumers',
  },
  {
    id: 'queue-claims-count',
    bug: 'a claim that was given up before its delivery counts as an attempt',
    edits: [
      { file: RECEIVE, find: 'session, key, value, [undo]);', replace: 'session, key, value);' },
    ],
    suite: QUEUE_FAULTS,
    title: 'what was claimed and never handed out',
  },
  {
    id: 'queue-late-send',
    bug: 'a message that was sent again comes once more when it is done, by its first request',
    edits: [
      {
        file: 'recipes/queue/sending.js',
        find: 'absent(key), absent(this.#markKey)',
        replace: 'absent(key)',
      },
    ],
    suite: QUEUE_FAULTS,
    title: 'does nothing once it is done',
  },
  {
    id: 'queue-late-refused',
    bug: 'a message that was not accepted is sent when the one of the same id is done',
    edits: [
      {
        file: 'recipes/queue/sending.js',
        find: "{ kind: 'range', key }, refuse]",
        replace: "{ kind: 'range', key }]",
      },
    ],
    suite: QUEUE_FAULTS,
    title: 'does nothing after it was refused',
  },
];

export const SHARING_BUGS: readonly RecipeBug[] = [
  ...SEMAPHORE_BUGS,
  ...BARRIER_BUGS,
  ...QUEUE_BUGS,
];
