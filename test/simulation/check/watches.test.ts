// Proves for each promise about what a watch delivers that one which keeps it passes, and that one
// which breaks it is found and called by the right name.
import type { WatchNote } from '../../../src/simulation/check/history.js';
import { withNotes } from './history-builder.js';
import { mustBreak, mustHold } from './verdict.js';
import { bookmark, change, swap, watched, without } from './watched-history.js';

describe('W1 to W4: ordered, unique, reliable, atomic', () => {
  it('hold for watches of a key, of a range, and with filters', () => mustHold(watched().history));

  it('find two revisions in the wrong order, and the events of one', () => {
    const { history, all } = watched();
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
    const { history, all } = watched();
    const twice = (notes: readonly WatchNote[]) => [...notes.slice(0, 2), ...notes.slice(1)];
    mustBreak('W2', withNotes(history, all.id, twice));
    mustBreak(
      'W2',
      withNotes(history, all.id, (notes) => [...notes, notes[0] as WatchNote]),
    );
  });

  it('find a revision that was left out', () => {
    const { history, all, plain } = watched();
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
    const { history, all } = watched();
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
    const { h, history, all, one } = watched();
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
    const { history, all } = watched();
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
    const { h, history, all, one } = watched();
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
    const { history, all, plain } = watched();
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
    const { h, all } = watched();
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
