// Proves for each promise about watches that one which keeps it passes, and that one which breaks
// it is found and called by the right name.
import assert from 'node:assert/strict';
import type { WatchNote } from '../../../src/simulation/check/history.js';
import type { StoreEvent, WatchRequest } from '../../../src/store/index.js';
import { HistoryBuilder, withNotes } from './history-builder.js';
import { mustBreak, mustHold } from './verdict.js';

function make() {
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

const swap = (notes: readonly WatchNote[], i: number): WatchNote[] => {
  const next = [...notes];
  [next[i], next[i + 1]] = [next[i + 1] as WatchNote, next[i] as WatchNote];
  return next;
};

const without = (notes: readonly WatchNote[], i: number): WatchNote[] => [
  ...notes.slice(0, i),
  ...notes.slice(i + 1),
];

const change = (notes: readonly WatchNote[], i: number, patch: (note: WatchNote) => WatchNote) =>
  notes.map((note, at) => (at === i ? patch(note) : note));

const bookmark = (revision: number, atMs = 4000): WatchNote => ({
  kind: 'progress',
  atMs,
  revision,
});

describe('W1 to W4: ordered, unique, reliable, atomic', () => {
  it('hold for watches of a key, of a range, and with filters', () => mustHold(make().history));

  it('find two revisions in the wrong order, and the events of one', () => {
    const { history, all } = make();
    // The later one comes first, so that the earlier one is left out before it and late after it.
    mustBreak(
      'W1',
      withNotes(history, all.id, (notes) => swap(notes, 2)),
    );
    const turn = (note: WatchNote): WatchNote =>
      note.kind === 'batch'
        ? { ...note, batch: { ...note.batch, events: note.batch.events.toReversed() } }
        : note;
    mustBreak(
      'W1',
      withNotes(history, all.id, (notes) => change(notes, 3, turn)),
    );
  });

  it('find a revision that came twice, at once or later', () => {
    const { history, all } = make();
    const twice = (notes: readonly WatchNote[]) => [...notes.slice(0, 2), ...notes.slice(1)];
    mustBreak('W2', withNotes(history, all.id, twice));
    mustBreak(
      'W2',
      withNotes(history, all.id, (notes) => [...notes, notes[0] as WatchNote]),
    );
  });

  it('find a revision that was left out', () => {
    const { history, all, plain } = make();
    mustBreak(
      'W3',
      withNotes(history, all.id, (notes) => without(notes, 2)),
    );
    mustBreak(
      'W3',
      withNotes(history, plain.id, (notes) => without(notes, 1)),
    );
  });

  it('find half a revision', () => {
    const { history, all } = make();
    const half =
      (keep: number) =>
      (note: WatchNote): WatchNote =>
        note.kind === 'batch'
          ? { ...note, batch: { ...note.batch, events: note.batch.events.slice(keep, keep + 1) } }
          : note;
    mustBreak(
      'W4',
      withNotes(history, all.id, (notes) => change(notes, 3, half(0))),
    );
    mustBreak(
      'W4',
      withNotes(history, all.id, (notes) => change(notes, 3, half(1))),
    );
  });
});

describe('W5 to W7: resumable, bookmarkable, and with the right events', () => {
  it('find a start that is too late or too early', () => {
    const { h, history, all, one } = make();
    mustBreak(
      'W5',
      withNotes(history, all.id, (notes) => notes.slice(1)),
    );
    const early = h.watch({ key: 'a', startRevision: 1 }).notes;
    mustBreak(
      'W5',
      withNotes(history, one.id, () => early),
    );
  });

  it('hold with bookmarks, and find one that promises too much, goes back or is of the future', () => {
    const { history, all } = make();
    mustHold(withNotes(history, all.id, (notes) => [...notes, bookmark(6), bookmark(6)]));
    const before = (revision: number) => (notes: readonly WatchNote[]) => [
      ...notes.slice(0, 2),
      bookmark(revision, 200),
      ...notes.slice(2),
    ];
    mustBreak('W6', withNotes(history, all.id, before(5)));
    mustBreak(
      'W6',
      withNotes(history, all.id, (notes) => [...notes, bookmark(6), bookmark(5)]),
    );
    mustBreak(
      'W6',
      withNotes(history, all.id, (notes) => [...notes, bookmark(7)]),
    );
    mustBreak(
      'W6',
      withNotes(history, all.id, (notes) => [bookmark(4, 45), ...notes]),
    );
  });

  it('find events that the filter leaves out, and ones that never were', () => {
    const { h, history, all, one } = make();
    const wide = h.watch({ key: 'a', rangeEnd: 'z', startRevision: 3 }).notes;
    mustBreak(
      'W7',
      withNotes(history, one.id, () => wide),
    );
    const deletes = h.watch({ key: 'a', rangeEnd: 'z', startRevision: 1 }).notes;
    mustBreak(
      'W7',
      withNotes(history, 2, () => deletes),
    );
    const wrong = (note: WatchNote): WatchNote => {
      if (note.kind !== 'batch') return note;
      const [event] = note.batch.events;
      if (event === undefined) return note;
      const kv = { ...event.kv, value: Uint8Array.of(1) };
      return { ...note, batch: { ...note.batch, events: [{ ...event, kv }] } };
    };
    mustBreak(
      'W7',
      withNotes(history, all.id, (notes) => change(notes, 0, wrong)),
    );
  });

  it('find a pair before the change that is wrong, missing, or was not asked for', () => {
    const { history, all, plain } = make();
    const bare = (note: WatchNote): WatchNote => {
      if (note.kind !== 'batch') return note;
      const events = note.batch.events.map(({ type, kv }) => ({ type, kv }));
      return { ...note, batch: { ...note.batch, events } };
    };
    mustBreak(
      'W7',
      withNotes(history, all.id, (notes) => change(notes, 2, bare)),
    );
    mustBreak(
      'W7',
      withNotes(history, plain.id, () => all.notes),
    );
    const other = (note: WatchNote): WatchNote => {
      if (note.kind !== 'batch') return note;
      const events = note.batch.events.map((event) => ({ ...event, prevKv: event.kv }));
      return { ...note, batch: { ...note.batch, events } };
    };
    mustBreak(
      'W7',
      withNotes(history, all.id, (notes) => change(notes, 2, other)),
    );
  });

  it('holds without the pair before once it may be compacted', () => {
    const { h, all } = make();
    h.call({ kind: 'compact', request: { revision: 6 } });
    h.watch({ key: 'a', rangeEnd: 'z', startRevision: 6 });
    const history = h.build();
    const late = history.watches.at(-1);
    const watches = history.watches.map((watch) => {
      if (watch !== late) return watch;
      const notes = watch.notes.map((note) => ({ ...note, atMs: h.nowMs }));
      return { ...watch, notes, request: { ...watch.request, prevKv: true }, openedMs: h.nowMs };
    });
    mustHold({ ...history, watches });
    mustBreak('W7', {
      ...history,
      watches: watches.map((watch) =>
        watch.id === all.id
          ? { ...watch, notes: [...watch.notes.slice(0, 4), late?.notes[0] as WatchNote] }
          : watch,
      ),
    });
  });
});

describe('W3 to W8 at a compaction revision, of which only the last change of each key is left', () => {
  /**
   * Revision 3 changes `a` and `c` twice each, as the transactions within one may, and `b` once;
   * then somebody discards history.
   */
  const twice = (request: WatchRequest, compactRevision: number) => {
    const h = new HistoryBuilder();
    h.put('c', '1');
    h.call({
      kind: 'txn',
      request: {
        success: [
          { kind: 'txn', success: [{ kind: 'put', key: 'a', value: '2' }] },
          { kind: 'txn', success: [{ kind: 'delete', key: 'a' }] },
          { kind: 'txn', success: [{ kind: 'delete', key: 'c' }] },
          { kind: 'txn', success: [{ kind: 'put', key: 'c', value: '2' }] },
          { kind: 'put', key: 'b', value: '2' },
        ],
      },
    });
    h.put('a', '3');
    h.delete('a');
    h.call({ kind: 'compact', request: { revision: compactRevision } });
    const watch = h.watch({ ...request, startRevision: 3 });
    const atMs = h.nowMs;
    const later = (note: WatchNote): WatchNote => ({ ...note, atMs });
    h.wait(5000);
    const history = withNotes(h.build(), watch.id, (notes) => notes.map(later));
    assert.equal(history.revisions[1]?.events.length, 5);
    return { id: watch.id, history };
  };

  /** The history whose watch was shown only the events of revision 3 that `keeps` says. */
  const thinned = (
    { id, history }: ReturnType<typeof twice>,
    keeps: (event: StoreEvent, at: number) => boolean,
  ) =>
    withNotes(history, id, (notes) =>
      notes.flatMap((note): readonly WatchNote[] => {
        if (note.kind !== 'batch' || note.batch.revision !== 3) return [note];
        const events = note.batch.events.filter(keeps);
        return events.length === 0 ? [] : [{ ...note, batch: { ...note.batch, events } }];
      }),
    );

  const everything = { key: 'a', rangeEnd: 'z' };

  it('hold without what was changed again, also when the filter hides by what', () => {
    mustHold(twice(everything, 3).history);
    // The put of `a` and the delete of `c` are gone.
    mustHold(thinned(twice(everything, 3), (_, at) => at !== 0 && at !== 2));
    mustHold(thinned(twice({ ...everything, noDelete: true }, 3), (_, at) => at !== 0));
    mustHold(thinned(twice({ ...everything, noPut: true }, 3), (_, at) => at !== 1));
  });

  it('hold when nothing is left that the filter lets through', () => {
    mustHold(thinned(twice({ key: 'a', noDelete: true }, 3), () => false));
    mustHold(thinned(twice({ key: 'c', noPut: true }, 3), () => false));
  });

  it('find it when the store was compacted elsewhere', () => {
    for (const elsewhere of [2, 4]) {
      const some = twice({ ...everything, noDelete: true }, elsewhere);
      mustBreak(
        'W4',
        thinned(some, (_, at) => at !== 0),
      );
      const none = twice({ key: 'a', noDelete: true }, elsewhere);
      mustBreak(
        'W5',
        thinned(none, () => false),
      );
      const tail = twice({ key: 'c', noPut: true }, elsewhere);
      mustBreak(
        'W8',
        thinned(tail, () => false),
      );
    }
  });

  it('find it before the compaction, and when a last change is missing', () => {
    const early = twice({ ...everything, noDelete: true }, 3);
    const operations = early.history.operations.map((operation) =>
      operation.call.kind === 'compact'
        ? { ...operation, invokedMs: 3000, returnedMs: 3010 }
        : operation,
    );
    mustBreak(
      'W4',
      thinned({ ...early, history: { ...early.history, operations } }, (_, at) => at !== 0),
    );
    for (const lost of [1, 3, 4]) {
      mustBreak(
        'W4',
        thinned(twice(everything, 3), (_, at) => at !== lost),
      );
    }
  });
});

describe('W8: the tail arrives', () => {
  it('finds a watch that never hears of the last revisions, with and without a start', () => {
    const { history, all, plain } = make();
    mustBreak(
      'W8',
      withNotes(history, all.id, (notes) => notes.slice(0, -1)),
    );
    mustBreak(
      'W8',
      withNotes(history, plain.id, (notes) => notes.slice(0, -2)),
    );
    mustBreak(
      'W8',
      withNotes(history, all.id, () => []),
    );
  });

  it('finds one that hears late', () => {
    const { history, all } = make();
    const late = (note: WatchNote): WatchNote => ({ ...note, atMs: note.atMs + 2000 });
    mustBreak(
      'W8',
      withNotes(history, all.id, (notes) => change(notes, 4, late)),
    );
  });

  it('lets off what is not due, what was closed, and a run without a bound', () => {
    const { history, all } = make();
    const cut = withNotes(history, all.id, (notes) => notes.slice(0, -1));
    mustHold(cut, {});
    mustHold({ ...cut, endMs: 200 });
    const watches = cut.watches.map((watch) => ({ ...watch, closedMs: 4000 }));
    mustHold({ ...cut, watches });
  });
});

describe('W9: how a watch ends', () => {
  const ended = (compactRevision: number | undefined, atMs: number): WatchNote => ({
    kind: 'error',
    atMs,
    code: 'Compacted',
    compactRevision,
  });

  const compacted = () => {
    const made = make();
    made.h.call({ kind: 'compact', request: { revision: 5 } });
    return { ...made, history: made.h.build(), nowMs: made.h.nowMs };
  };

  it('holds for one whose next revision was compacted', () => {
    const { history, one, nowMs } = compacted();
    mustHold(withNotes(history, one.id, () => [ended(5, nowMs)]));
  });

  it('finds an end that compaction does not explain, or explains wrongly', () => {
    const { history, one, all, nowMs } = compacted();
    mustBreak(
      'W9',
      withNotes(history, one.id, () => [ended(4, nowMs)]),
    );
    mustBreak(
      'W9',
      withNotes(history, one.id, () => [ended(undefined, nowMs)]),
    );
    mustBreak(
      'W9',
      withNotes(history, all.id, (notes) => [...notes, ended(5, nowMs)]),
    );
    mustBreak(
      'W9',
      withNotes(history, one.id, () => [ended(5, 100)]),
    );
  });

  it('finds events after the end, and after it was closed', () => {
    const { history, one, nowMs } = compacted();
    mustBreak(
      'W9',
      withNotes(history, one.id, (notes) => [ended(5, nowMs), ...notes]),
    );
    const watches = history.watches.map((watch) => ({ ...watch, closedMs: 60 }));
    mustBreak('W9', { ...history, watches });
  });
});
