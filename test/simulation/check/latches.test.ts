// Proves for latches that what those who count and wait are told is held against the keys, and that
// a history which breaks K9 there is found and called by that name.
import type { RecipeNote } from '../../../src/simulation/check/history.js';
import { HistoryBuilder } from './history-builder.js';
import { drop, put, txn, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

type Counted = Extract<RecipeNote, { kind: 'counted' }>;
type Latched = Extract<RecipeNote, { kind: 'latched' }>;

describe('K9: latches', () => {
  const STATE = 'up/@latch/state';
  const down = (name: string, round = 1) => `up/@latch/down/000000000${round}/${name}`;
  const state = (round: number, isOpen: boolean) => JSON.stringify({ round, count: 2, isOpen });
  const counted = (id: string, told: Counted['told'], more: Partial<Counted> = {}): Counted => {
    const terms = { latch: 'up', id, client: 1, invokedMs: 0, atMs: 1000 };
    return { kind: 'counted', told, ...terms, ...more };
  };
  const latched = (round: number, revision: number, more: Partial<Latched> = {}): Latched => {
    const terms = { latch: 'up', client: 2, invokedMs: 0, atMs: 1000 };
    return { kind: 'latched', round, revision, ...terms, ...more };
  };
  const COUNTED = [counted('a', undefined), counted('b', undefined)];
  const OPENED = 5;

  /** Revision 2 has the count, 3 and 4 count, 5 opens. */
  function open() {
    const h = new HistoryBuilder();
    h.put(STATE, state(1, false));
    h.put(down('a'), '{}');
    h.put(down('b'), '{}');
    h.put(STATE, state(1, true));
    return h;
  }

  it('hold when what is counted was asked for, and are found when it was not', () => {
    mustHold(withNotes(open(), COUNTED));
    mustBreak('K9', withNotes(open(), []));
    mustBreak('K9', withNotes(open(), [counted('a', undefined)]));
    mustBreak(
      'K9',
      withNotes(open(), [...COUNTED.slice(1), counted('a', undefined, { client: 9 })]),
    );
    mustBreak('K9', withNotes(open(), [...COUNTED.slice(1), counted('a', undefined, { atMs: 1 })]));
  });

  it('are found when something is forgotten before another round begins', () => {
    const h = open();
    txn(h, [put(STATE, state(2, false)), drop(down('a')), drop(down('b'))]);
    mustHold(withNotes(h, COUNTED));
    const early = open();
    early.delete(down('a'));
    mustBreak('K9', withNotes(early, COUNTED));
  });

  it('hold when those who count are told what is so, and are found when not', () => {
    const mustBreakWith = (note: Counted) => mustBreak('K9', withNotes(open(), [...COUNTED, note]));
    const last = { round: 1, isCounted: true, remaining: 0 };
    mustHold(withNotes(open(), [...COUNTED, counted('b', last)]));
    mustHold(withNotes(open(), [...COUNTED, counted('c', { ...last, isCounted: false })]));
    mustBreakWith(counted('c', last));
    mustBreakWith(counted('b', last, { atMs: 1 }));
    mustBreakWith(counted('b', { ...last, round: 2 }));
    mustBreakWith(counted('b', { ...last, round: 2, isCounted: false }));
    const h = new HistoryBuilder();
    h.put(STATE, state(1, false));
    h.put(down('a'), '{}');
    mustHold(withNotes(h, [counted('a', { ...last, remaining: 1 })]));
    mustBreak('K9', withNotes(h, [counted('a', last)]));
  });

  it('hold when those who wait pass an open round of their time, and are found when not', () => {
    mustHold(withNotes(open(), [...COUNTED, latched(1, OPENED)]));
    const mustBreakWith = (note: Latched) => mustBreak('K9', withNotes(open(), [...COUNTED, note]));
    mustBreakWith(latched(1, OPENED - 1));
    mustBreakWith(latched(2, OPENED));
    mustBreakWith(latched(1, OPENED, { atMs: 1 }));
    const h = open();
    h.put(STATE, state(2, false));
    const invokedMs = h.nowMs;
    mustHold(withNotes(h, [...COUNTED, latched(1, OPENED + 1)]));
    mustBreak('K9', withNotes(h, [...COUNTED, latched(1, OPENED + 1, { invokedMs })]));
  });
});
