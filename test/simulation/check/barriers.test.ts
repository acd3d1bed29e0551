// Proves for barriers that a history of keys as the recipe writes them passes, and that one in
// which somebody passes a closed barrier, or holds one that is open, is found.
import type { RecipeNote } from '../../../src/simulation/check/history.js';
import { builder, held, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K9: barriers', () => {
  const key = 'gate/@barrier/closed';
  const waited = (revision: number, invokedMs: number, atMs: number): RecipeNote => {
    return { kind: 'waited', name: 'gate', client: 1, revision, invokedMs, atMs };
  };

  function closedOnce() {
    const h = builder([5n]);
    h.put('other', '1');
    const openRevision = h.revision;
    const beganMs = h.nowMs;
    h.put(key, '{}', 5n);
    const fence = h.revision;
    const closedMs = h.nowMs;
    h.wait(100);
    const endMs = h.nowMs;
    h.delete(key);
    return { h, openRevision, beganMs, fence, closedMs, endMs };
  }

  it('hold when it was open at a revision of the time of the wait', () => {
    const { h, openRevision, beganMs, closedMs } = closedOnce();
    const notes = [waited(h.revision, closedMs, h.nowMs), waited(openRevision, 0, beganMs + 1)];
    mustHold(withNotes(h, notes));
  });

  it('are found when they were closed then, or the revision is not of that time', () => {
    const { h, openRevision, fence, closedMs, endMs } = closedOnce();
    mustBreak('K9', withNotes(h, [waited(fence, closedMs, endMs)]));
    mustBreak('K9', withNotes(h, [waited(openRevision, closedMs, endMs)]));
    mustBreak('K9', withNotes(h, [waited(h.revision, closedMs, closedMs + 1)]));
  });

  it('are held closed by those alone who did close them, until they are open', () => {
    const { h, fence, closedMs, endMs } = closedOnce();
    mustHold(withNotes(h, [held('barrier', 'gate', 1, [fence, closedMs, endMs])]));
    mustBreak('K3', withNotes(h, [held('barrier', 'gate', 1, [fence, closedMs, endMs + 500])]));
    mustBreak('K3', withNotes(h, [held('barrier', 'gate', 1, [fence + 1, closedMs, endMs])]));
  });
});
