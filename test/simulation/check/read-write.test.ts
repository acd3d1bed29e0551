// Proves for read/write locks that a history of keys as the recipe writes them passes, and that one
// which breaks K7 is found and called by that name.
import type { HistoryBuilder } from './history-builder.js';
import { builder, drop, held, id, put, txn, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K7: read/write locks', () => {
  const entry = (lease: bigint) => `index/@rw/q/${id(lease)}`;
  const mark = (lease: bigint) => `index/@rw/w/${id(lease)}`;
  const read = (h: HistoryBuilder, lease: bigint) => txn(h, [put(entry(lease), '{}', lease)]);
  const write = (h: HistoryBuilder, lease: bigint) =>
    txn(h, [put(entry(lease), '{}', lease), put(mark(lease), '', lease)]);

  it('hold for readers together, a writer alone, and changes from one to the other', () => {
    const h = builder([5n, 6n, 7n]);
    const first = read(h, 5n);
    const second = read(h, 6n);
    const fromMs = h.nowMs;
    h.delete(entry(5n));
    const leftMs = h.nowMs;
    txn(h, [put(mark(6n), '', 6n)]);
    const writesMs = h.nowMs;
    const third = read(h, 7n);
    txn(h, [drop(mark(6n))]);
    const notes = [
      held('read', 'index', 1, [first, fromMs, fromMs + 5]),
      held('read', 'index', 1, [second, fromMs, leftMs]),
      held('write', 'index', 1, [second, writesMs, writesMs + 5]),
      held('read', 'index', 1, [second, h.nowMs, h.nowMs + 50]),
      held('read', 'index', 3, [third, h.nowMs, h.nowMs + 50]),
    ];
    mustHold(withNotes(h, notes));
    const early = held('read', 'index', 3, [third, writesMs + 1, h.nowMs]);
    mustBreak('K3', withNotes(h, [...notes.slice(0, 3), early]));
  });

  it('are found when a reader writes beside another, or two write', () => {
    const h = builder([5n, 6n]);
    read(h, 5n);
    read(h, 6n);
    txn(h, [put(mark(6n), '', 6n)]);
    mustBreak('K7', h.build());
    const two = builder([5n, 6n]);
    const fences = [write(two, 5n), write(two, 6n)] as const;
    const both = [
      held('write', 'index', 1, [fences[0], two.nowMs, two.nowMs + 50]),
      held('write', 'index', 2, [fences[1], two.nowMs + 10, two.nowMs + 20]),
    ];
    mustBreak('K3', withNotes(two, both));
  });

  it('hold when an entry is written again as it was, and are found when it is another', () => {
    const again = builder([5n, 6n]);
    read(again, 5n);
    read(again, 5n);
    mustHold(again.build());
    txn(again, [put(entry(5n), '{"other":1}', 5n)]);
    mustBreak('K7', again.build());
    const other = builder([5n, 6n]);
    txn(other, [put(entry(5n), '{}', 6n)]);
    mustBreak('K7', other.build());
  });
});
