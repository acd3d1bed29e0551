// Proves what a watch may miss, and what not, of the very revision at which history was compacted.
import assert from 'node:assert/strict';
import type { WatchNote } from '../../../src/simulation/check/history.js';
import type { StoreEvent, WatchRequest } from '../../../src/store/index.js';
import { HistoryBuilder, withNotes } from './history-builder.js';
import { mustBreak, mustHold } from './verdict.js';

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
