// Proves for the promises about the last revisions and about the end of a watch that those which
// keep them pass, and that each which breaks one is found and called by the right name.
import type { WatchNote } from '../../../src/simulation/check/history.js';
import { withNotes } from './history-builder.js';
import { mustBreak, mustHold } from './verdict.js';
import { change, watched } from './watched-history.js';

describe('W8: the tail arrives', () => {
  it('finds a watch that never hears of the last revisions, with and without a start', () => {
    const { history, all, plain } = watched();
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
    const { history, all } = watched();
    const late = (note: WatchNote): WatchNote => ({ ...note, atMs: note.atMs + 2000 });
    mustBreak(
      'W8',
      withNotes(history, all.id, (notes) => change(notes, 4, late)),
    );
  });

  it('lets off what is not due, what was closed, and a run without a bound', () => {
    const { history, all } = watched();
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
    const made = watched();
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
