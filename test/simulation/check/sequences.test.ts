// Proves for sequences that numbers out of blocks of their users pass, and that one which is given
// twice, taken from somebody else's block, or out of order is found.
import type { RecipeNote } from '../../../src/simulation/check/history.js';
import { HistoryBuilder } from './history-builder.js';
import { withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K10: sequences', () => {
  const numbered = (client: number, number: number, atMs = 1000): RecipeNote => {
    return { kind: 'numbered', name: 'ids', client, number, atMs };
  };

  /** Two clients with a block of three each. */
  function taken(): HistoryBuilder {
    const h = new HistoryBuilder();
    h.put('ids/@sequence', '4', 0n, 1);
    h.put('ids/@sequence', '7', 0n, 2);
    return h;
  }

  it('hold when each takes numbers of its own block in their order', () => {
    mustHold(withNotes(taken(), [numbered(1, 1), numbered(2, 4), numbered(1, 3), numbered(2, 6)]));
  });

  it('are found when two have one number, or one goes back', () => {
    mustBreak('K10', withNotes(taken(), [numbered(1, 2), numbered(1, 2)]));
    mustBreak('K10', withNotes(taken(), [numbered(1, 3), numbered(1, 2)]));
  });

  it('are found when a number is of the block of another, of none, or of the future', () => {
    mustBreak('K10', withNotes(taken(), [numbered(1, 4)]));
    mustBreak('K10', withNotes(taken(), [numbered(2, 7)]));
    mustBreak('K10', withNotes(taken(), [numbered(2, 4, 1)]));
  });

  it('are found when blocks go back', () => {
    const h = taken();
    h.put('ids/@sequence', '5');
    mustBreak('K10', h.build());
  });
});
