// Ways to spoil a good history, each as one kind of bug would: a name, the properties of which at
// least one must then be reported, and the change. Undefined where the history has nothing to
// spoil.
import type { History, WatchNote } from '../../../src/simulation/check/history.js';
import type { KeyValue } from '../../../src/store/index.js';
import { atRevision, withNotes, withOperation } from './history-builder.js';
import {
  readWith,
  again,
  staleRead,
  swappedAnswers,
  serializableBack,
  lostWrite,
  otherBytes,
  unknownEarly,
  splitTxn,
  wrongVersion,
  headerBack,
  termBack,
  compactedAbove,
  readBelowCompact,
  futureRefusal,
  unknownAnswer,
} from './key-mutations.js';
import {
  UNKNOWN,
  refused,
  find,
  isPlainRead,
  isPut,
  withOneMore,
  lostPut,
} from './mutation-tools.js';
import type { RandomHistory } from './random-history.js';
import {
  notes,
  batchesOf,
  halfBatch,
  wrongPrevious,
  leaseEarly,
  leaseHalf,
  leaseForEver,
  leaseBack,
  leaseGoneEarly,
  dropThird,
  ended,
} from './stream-mutations.js';

export interface Mutation {
  readonly name: string;
  readonly breaks: readonly string[];
  readonly change: (run: RandomHistory) => History | undefined;
}

export const MUTATIONS: readonly Mutation[] = [
  { name: 'a stale read', breaks: ['L1'], change: staleRead },
  {
    name: 'a read with other bytes',
    breaks: ['L1'],
    change: readWith((kvs) => kvs.map((kv) => ({ ...kv, value: Uint8Array.of(1) }))),
  },
  { name: 'a read without a key', breaks: ['L1'], change: readWith((kvs) => kvs.slice(1)) },
  {
    name: 'a read with a key twice',
    breaks: ['L1'],
    change: readWith((kvs) => [...kvs, kvs[0] as KeyValue]),
  },
  {
    name: 'a read with another version',
    breaks: ['L1'],
    change: readWith((kvs) => kvs.map((kv) => ({ ...kv, version: kv.version + 1 }))),
  },
  {
    name: 'a read of a revision that never was',
    breaks: ['L3'],
    change: ({ history, store }) => {
      const read = find(history, isPlainRead);
      return read && atRevision(history, read.id, store.kv.revision + 1);
    },
  },
  {
    name: 'a wrong serializable read',
    breaks: ['L6'],
    change: readWith((kvs) => kvs.slice(1), true),
  },
  { name: 'a serializable read that goes back', breaks: ['L6'], change: serializableBack },
  { name: 'two swapped answers', breaks: ['L1', 'L2'], change: swappedAnswers },
  { name: 'an answer that was never given', breaks: ['L1', 'L2'], change: unknownAnswer },
  { name: 'an acknowledged write that is lost', breaks: ['L2'], change: lostWrite },
  { name: 'an acknowledged write with other bytes', breaks: ['L2'], change: otherBytes },
  {
    name: 'a write by nobody',
    breaks: ['L3'],
    change: (run) => withOneMore(run, Uint8Array.of(97), Uint8Array.of(1, 2, 3)),
  },
  {
    name: 'an answered write done twice',
    breaks: ['L4'],
    change: again((one) => isPut(one) && one.outcome.kind === 'answered'),
  },
  { name: 'an unanswered write done twice', breaks: ['L4'], change: again(lostPut) },
  { name: 'an unanswered write before it was sent', breaks: ['L4'], change: unknownEarly },
  {
    name: 'a refused write that was done',
    breaks: ['L3'],
    change: ({ history }) => {
      const put = find(history, isPut);
      return put && withOperation(history, put.id, { outcome: refused('Stopped') });
    },
  },
  { name: 'a transaction cut in half', breaks: ['L2', 'L5'], change: splitTxn },
  {
    name: 'a gap in the revisions',
    breaks: ['L5'],
    change: ({ history }) => ({
      ...history,
      revisions: history.revisions.filter(({ revision }) => revision !== 50),
    }),
  },
  { name: 'a wrong version', breaks: ['L5'], change: wrongVersion },
  { name: 'a header that goes back', breaks: ['L5', 'L1'], change: headerBack },
  { name: 'a term that goes back', breaks: ['L5'], change: termBack },
  { name: 'compacted above the compact revision', breaks: ['L7'], change: compactedAbove },
  { name: 'a read below the compact revision', breaks: ['L7'], change: readBelowCompact },
  { name: 'a past that is called the future', breaks: ['L7'], change: futureRefusal },
  {
    name: 'a watch out of order',
    breaks: ['W1'],
    change: notes(0, (all) => {
      const [first, second, ...rest] = batchesOf(all);
      return [second as WatchNote, first as WatchNote, ...rest];
    }),
  },
  {
    name: 'a watch that repeats',
    breaks: ['W2'],
    change: notes(1, (all) => [all[0] as WatchNote, ...all]),
  },
  {
    name: 'a watch with a gap',
    breaks: ['W3'],
    change: notes(0, (all) => batchesOf(dropThird(all))),
  },
  { name: 'a watch that splits revisions', breaks: ['W4'], change: notes(1, halfBatch) },
  {
    name: 'a watch that starts late',
    breaks: ['W5'],
    change: notes(3, (all) => batchesOf(all).slice(1)),
  },
  {
    name: 'a bookmark too early',
    breaks: ['W6'],
    change: notes(0, (all) => all.filter((note) => note !== batchesOf(all).at(-1))),
  },
  { name: 'a watch with wrong pairs before', breaks: ['W7'], change: notes(4, wrongPrevious) },
  {
    name: 'a watch that ignores its filter',
    breaks: ['W7'],
    change: ({ history }) => withNotes(history, 3, () => history.watches[0]?.notes ?? []),
  },
  {
    name: 'a watch without its tail',
    breaks: ['W8'],
    change: notes(2, (all) => batchesOf(all).slice(0, -1)),
  },
  { name: 'events after the end of a watch', breaks: ['W9'], change: notes(2, ended) },
  { name: 'a lease that ends early', breaks: ['E1'], change: leaseEarly },
  { name: 'a lease that is said to be gone', breaks: ['E1', 'E5', 'E4'], change: leaseGoneEarly },
  { name: 'a lease that lasts too long', breaks: ['E2'], change: leaseForEver },
  { name: 'a lease that leaves a key', breaks: ['E3'], change: leaseHalf },
  { name: 'a revoked lease that is found again', breaks: ['E4'], change: leaseBack },
  {
    name: 'unanswered calls that are all called answered',
    breaks: ['L1', 'L2'],
    change: ({ history }) => {
      const put = find(history, isPut);
      const lost = history.operations.filter(lostPut);
      if (put === undefined || lost.length === 0) return undefined;
      const operations = history.operations.map((one) =>
        lost.includes(one) ? { ...one, outcome: put.outcome } : one,
      );
      return { ...history, operations };
    },
  },
  {
    name: 'an answer that is forgotten and its effect denied',
    breaks: ['L4', 'L3'],
    change: ({ history }) => {
      const put = find(history, isPut);
      const late = history.endMs;
      return (
        put &&
        withOperation(history, put.id, { outcome: UNKNOWN, invokedMs: late, returnedMs: late })
      );
    },
  },
];
