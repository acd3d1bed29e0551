// Bugs of read/write locks: who comes in beside whom, and what is left of a change of mode.
import type { RecipeBug } from './recipe-bug.js';

const HOLDS = 'recipes/lock/read-write-holds.js';
const EXCLUSIVE = 'conformance/exclusive.test.js';
const SHARED = 'lock/read-write-lock.test.js';

export const READ_WRITE_BUGS: readonly RecipeBug[] = [
  {
    id: 'rw-readers-rush',
    bug: 'readers come in while somebody writes',
    edits: [
      {
        file: 'recipes/lock/read-write-lock.js',
        find: 'shape: { aheadPrefix: writers, brokenKey },',
        replace: "shape: { aheadPrefix: writers + '-', brokenKey },",
      },
    ],
    suite: EXCLUSIVE,
    title: 'conformance: readers between writers the middle of three waiters dies',
  },
  {
    id: 'rw-upgrade-beside-others',
    bug: 'a reader becomes a writer beside other readers',
    precedent: 'parking_lot #21, Redisson #4796',
    edits: [
      { file: HOLDS, find: 'send([alone], [mark, touch])', replace: 'send([], [mark, touch])' },
    ],
    suite: SHARED,
    title: 'one that is not stays a reader',
  },
  {
    id: 'rw-downgrade-gap',
    bug: 'a writer that becomes a reader gives up its place',
    precedent: 'Scalingo go-etcd-lock PR 132',
    edits: [
      {
        file: HOLDS,
        find: "success: [{ kind: 'delete', key: this.#markOf(place) }],",
        replace: 'success: place.removal,',
      },
    ],
    suite: SHARED,
    title: 'a writer becomes a reader at its place',
  },
  {
    id: 'rw-late-downgrade',
    bug: 'becoming a reader, asked for twice, makes one of a later writer as well',
    edits: [{ file: HOLDS, find: 'mark === undefined ? [] : [mark]', replace: '[]' }],
    suite: 'lock/read-write-late.test.js',
    title: 'takes nothing from a writer',
  },
  {
    id: 'rw-late-upgrade',
    bug: 'becoming a writer, asked for twice and refused, makes one when nobody is in the way any more',
    edits: [
      {
        file: HOLDS,
        find: '[mine(place), this.#unwritten(place)]',
        replace: '[mine(place)]',
      },
    ],
    suite: 'lock/read-write-late.test.js',
    title: 'makes no writer of a reader that was refused',
  },
  {
    id: 'rw-mark-outlives',
    bug: 'what made a reader a writer stays when it goes',
    precedent: 'CURATOR-307',
    edits: [
      {
        file: 'recipes/lock/read-write-lock.js',
        find: "alsoRemove: (id) => ({ kind: 'delete', key: markOf(id) }),",
        replace: '',
      },
    ],
    suite: SHARED,
    title: 'an upgraded reader leaves nothing',
  },
];
