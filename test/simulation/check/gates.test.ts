// Proves for double barriers and latches that a history of keys as the recipe writes them passes,
// and that one which breaks K9 is found and called by that name.
import type { RecipeNote } from '../../../src/simulation/check/history.js';
import { HistoryBuilder } from './history-builder.js';
import { builder, id, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K9: gates', () => {
  const member = (lease: bigint) => `gate/@rendezvous/member/0000000001/${id(lease)}`;
  const passed = (gate: string, needed: number, isOut: boolean, atMs: number): RecipeNote => {
    return { kind: 'passed', gate, round: 1, client: 1, needed, isOut, atMs };
  };

  function met() {
    const h = builder([5n, 6n]);
    h.put(member(5n), '{}', 5n);
    const earlyMs = h.nowMs;
    h.put(member(6n), '{}', 6n);
    h.put('gate/@rendezvous/generation', '{"generation":2}');
    return { h, earlyMs };
  }

  it('hold when all who are needed are there, and when all have left', () => {
    const { h, earlyMs } = met();
    const gate = 'double barrier gate';
    const insideMs = h.nowMs;
    h.delete(member(5n));
    const oneMs = h.nowMs;
    h.delete(member(6n));
    mustHold(withNotes(h, [passed(gate, 2, false, insideMs), passed(gate, 2, true, h.nowMs)]));
    mustBreak('K9', withNotes(h, [passed(gate, 2, false, earlyMs)]));
    mustBreak('K9', withNotes(h, [passed(gate, 3, false, insideMs)]));
    mustBreak('K9', withNotes(h, [passed(gate, 2, true, oneMs - 1)]));
  });

  it('are found when somebody comes late, or a generation is left out', () => {
    const late = met().h;
    late.grant(7n, 100);
    late.put(member(7n), '{}', 7n);
    mustBreak('K9', late.build());
    const far = met().h;
    far.put('gate/@rendezvous/generation', '{"generation":4}');
    mustBreak('K9', far.build());
  });

  it('of a latch hold when enough were counted, and are found when they were not', () => {
    const h = new HistoryBuilder();
    const state = (text: string) => h.put('up/@latch/state', text);
    state('{"round":1,"count":2,"isOpen":false}');
    h.put('up/@latch/down/0000000001/a', '{}');
    h.put('up/@latch/down/0000000001/b', '{}');
    state('{"round":1,"count":2,"isOpen":true}');
    const counted = ['a', 'b'].map((name): RecipeNote => {
      const terms = { latch: 'up', id: name, client: 1, told: undefined, invokedMs: 0 };
      return { kind: 'counted', ...terms, atMs: h.nowMs };
    });
    mustHold(withNotes(h, counted));
    state('{"round":2,"count":2,"isOpen":true}');
    mustBreak('K9', withNotes(h, counted));
  });
});
