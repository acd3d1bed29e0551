// Proves for counters that a history of keys as the recipe writes them passes, and
// that one which breaks K10 is found and called by that name.
import { HistoryBuilder } from './history-builder.js';
import { withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K10: counters', () => {
  const add = (h: HistoryBuilder, value: string, operation: string) =>
    h.put('hits/@counter', JSON.stringify({ value, operations: [[operation, value]] }));
  const added = (operation: string, amount: number, value: string | undefined, atMs = 1000) =>
    ({ kind: 'added', name: 'hits', client: 1, operation, amount, value, atMs }) as const;

  function counted() {
    const h = new HistoryBuilder();
    add(h, '2', 'a');
    add(h, '1', 'b');
    return h;
  }

  it('hold when each addition counts once, told of or not', () => {
    mustHold(withNotes(counted(), [added('a', 2, '2'), added('b', -1, undefined)]));
  });

  it('are found when one counts wrongly, twice, for nobody, or was only said to', () => {
    const notes = [added('a', 2, '2'), added('b', -1, '1')];
    mustBreak('K10', withNotes(counted(), [added('a', 2, '2'), added('b', 1, '1')]));
    mustBreak('K10', withNotes(counted(), notes.slice(0, 1)));
    mustBreak('K10', withNotes(counted(), [...notes, added('c', 1, '3')]));
    const twice = counted();
    add(twice, '3', 'a');
    mustBreak('K10', withNotes(twice, notes));
  });
});
