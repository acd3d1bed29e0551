// Proves for groups of members that a history of keys as the recipe writes them passes, and that
// one which breaks K11 is found and called by that name.
import type { RecipeNote } from '../../../src/simulation/check/history.js';
import { HistoryBuilder } from './history-builder.js';
import { builder, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K11: members', () => {
  const listed = (list: readonly string[], wanted: readonly string[]): RecipeNote => {
    return { kind: 'listed', group: 'web', wanted, listed: list, atMs: 1000 };
  };

  it('hold when all are listed who are there, and are found when they are not', () => {
    const h = builder([5n]);
    h.put('web/@members/a', '{"nonce":"1"}', 5n);
    h.put('web/@members/a', '{"nonce":"1","metadata":{}}', 5n);
    mustHold(withNotes(h, [listed(['b', 'a'], ['a', 'b'])]));
    mustBreak('K11', withNotes(h, [listed(['a'], ['a', 'b'])]));
    mustBreak('K11', withNotes(h, [listed(['a', 'b'], ['a'])]));
    mustBreak('K11', withNotes(h, [listed(['a'], ['a', 'a'])]));
  });

  it('are found without a lease, and when one is written over by another', () => {
    const loose = new HistoryBuilder();
    loose.put('web/@members/a', '{"nonce":"1"}');
    mustBreak('K11', loose.build());
    const over = builder([5n]);
    over.put('web/@members/a', '{"nonce":"1"}', 5n);
    over.put('web/@members/a', '{"nonce":"2"}', 5n);
    mustBreak('K11', over.build());
  });
});
