// Proves for caches, configurations and combined views that what was in the store at the revision
// which they name passes, and that mixtures, steps back and revisions of the future are found.
import type { RecipeNote, ShownPart } from '../../../src/simulation/check/history.js';
import { HistoryBuilder } from './history-builder.js';
import { builder, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K14: views', () => {
  const shown = (
    revision: number,
    parts: readonly ShownPart[],
    { least = 0, atMs = 10_000 } = {},
  ): RecipeNote => {
    return { kind: 'shown', view: 'a view', client: 1, revision, least, parts, atMs };
  };
  const pairs = (text: string): ShownPart => ({ kind: 'pairs', name: 'routes/', text });

  /** One key at revision 2, another at 3, the first again at 4; 5 is of no interest. */
  function routes(): HistoryBuilder {
    const h = new HistoryBuilder();
    h.put('routes/a', '1');
    h.put('routes/b', '2');
    h.put('routes/a', '3');
    h.put('elsewhere', '4');
    return h;
  }

  it('hold when they show what was there, also of a revision that changed nothing', () => {
    const h = routes();
    const notes = [
      shown(1, [pairs('')]),
      shown(3, [pairs('routes/a=1@2, routes/b=2@3')]),
      shown(3, [pairs('routes/a=1@2, routes/b=2@3')], { least: 3 }),
      shown(4, [pairs('routes/a=3@4, routes/b=2@3')], { least: 5 }),
      shown(5, [pairs('routes/a=3@4, routes/b=2@3')]),
    ];
    mustHold(withNotes(h, notes));
  });

  it('are found when they mix revisions, lack a key, or are empty meanwhile', () => {
    for (const text of ['routes/a=3@4, routes/b=2@3', 'routes/a=1@2', '']) {
      mustBreak('K14', withNotes(routes(), [shown(3, [pairs(text)])]));
    }
  });

  it('are found when they go back, know the future, or lag behind what they must have', () => {
    const early = [pairs('routes/a=1@2')];
    const late = [pairs('routes/a=3@4, routes/b=2@3')];
    mustBreak('K14', withNotes(routes(), [shown(4, late), shown(2, early)]));
    mustBreak('K14', withNotes(routes(), [shown(4, late, { atMs: 1 })]));
    mustBreak('K14', withNotes(routes(), [shown(9, late)]));
    mustBreak('K14', withNotes(routes(), [shown(2, early, { least: 3 })]));
  });

  it('of several things at once are found when one of them is of another revision', () => {
    const h = builder([5n]);
    h.put('crew/@members/ann', '{}', 5n);
    const joined = h.revision;
    h.put('captain/leader', 'ann', 5n);
    h.put('boats/@semaphore/limit', '{"limit":3}');
    h.put('settings/b/x', 'new');
    h.put('settings/a/x', 'old');
    h.put('settings/a/y', 'only');
    const parts = (leader: string): readonly ShownPart[] => [
      { kind: 'members', name: 'crew', text: `ann@${joined}` },
      { kind: 'leader', name: 'captain', text: leader },
      { kind: 'permits', name: 'boats', text: '0 of 3' },
      { kind: 'settings', name: 'settings/a/ < settings/b/', text: 'x=new, y=only' },
    ];
    mustHold(withNotes(h, [shown(h.revision, parts(`ann@${joined + 1}`))]));
    mustBreak('K14', withNotes(h, [shown(h.revision, parts('nobody'))]));
    mustBreak('K14', withNotes(h, [shown(h.revision - 1, parts(`ann@${joined + 1}`))]));
  });
});
