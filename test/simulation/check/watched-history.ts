// A history with four watches that keep all promises, and ways to spoil what a watch was told.
import type { WatchNote } from '../../../src/simulation/check/history.js';
import { HistoryBuilder } from './history-builder.js';

/** Five revisions; a watch of a range, of one key, with a filter, and from now on. */
export function watched() {
  const h = new HistoryBuilder();
  h.put('a', '1');
  h.put('b', '1');
  h.put('a', '2');
  h.call({
    kind: 'txn',
    request: {
      success: [
        { kind: 'put', key: 'a', value: '3' },
        { kind: 'put', key: 'b', value: '3' },
      ],
    },
  });
  h.delete('a');
  const all = h.watch({ key: 'a', rangeEnd: 'z', startRevision: 2, prevKv: true });
  const one = h.watch({ key: 'a', startRevision: 3 });
  h.watch({ key: 'a', rangeEnd: 'z', startRevision: 1, noPut: true });
  const plain = h.watch({ key: 'a', rangeEnd: 'z' });
  h.wait(5000);
  return { h, history: h.build(), all, one, plain };
}

/** The notes at `i` and behind it change places. */
export const swap = (notes: readonly WatchNote[], i: number): WatchNote[] => {
  const next = [...notes];
  [next[i], next[i + 1]] = [next[i + 1] as WatchNote, next[i] as WatchNote];
  return next;
};

export const without = (notes: readonly WatchNote[], i: number): WatchNote[] => [
  ...notes.slice(0, i),
  ...notes.slice(i + 1),
];

/** Another note in the place of the one at `i`. */
export const change = (
  notes: readonly WatchNote[],
  i: number,
  patch: (note: WatchNote) => WatchNote,
) => notes.map((note, at) => (at === i ? patch(note) : note));

export const bookmark = (revision: number, atMs = 4000): WatchNote => ({
  kind: 'progress',
  atMs,
  revision,
});
