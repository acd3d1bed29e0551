// Proves for memberships that what those who join, stand or are turned out are told is held against
// the keys, and that a history which breaks K11 there is found and called by that name.
import type { RecipeNote } from '../../../src/simulation/check/history.js';
import type { HistoryBuilder } from './history-builder.js';
import { builder, drop, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

type Joined = Extract<RecipeNote, { kind: 'joined' }>;
type Stood = Extract<RecipeNote, { kind: 'stood' }>;
type Expelled = Extract<RecipeNote, { kind: 'expelled' }>;

describe('K11: memberships', () => {
  const KEY = 'web/@members/a';
  const END_MS = 10_000;
  const value = (token: string) => JSON.stringify({ nonce: token, metadata: { token } });
  const joined = (token: string, client: number, more: Partial<Joined> = {}): Joined => {
    const terms = { group: 'web', id: 'a', onConflict: 'reject', outcome: 'joined' } as const;
    return { kind: 'joined', token, client, ...terms, invokedMs: 0, atMs: END_MS, ...more };
  };
  const stood = (incarnation: number, more: Partial<Stood> = {}): Stood => {
    const who = { group: 'web', asked: 'a', id: 'a', token: 'x', client: 1 };
    return { kind: 'stood', ...who, incarnation, fromMs: 0, atMs: END_MS, ...more };
  };
  const expelled = (incarnation: number, more: Partial<Expelled> = {}): Expelled => {
    const who = { group: 'web', id: 'a', token: 'x', client: 1 };
    return { kind: 'expelled', ...who, incarnation, atMs: END_MS, ...more };
  };
  const FIRST = joined('x', 1);

  /** Client 1 joins in revision 2. */
  function one() {
    const h = builder([5n, 6n]);
    h.put(KEY, value('x'), 5n, 1);
    return h;
  }

  /** Client 2 removes it in a call that lasts until `lastMs`. */
  function take(h: HistoryBuilder) {
    const invokedMs = h.nowMs;
    h.call({ kind: 'txn', request: { success: [drop(KEY)] } }, { client: 2 });
    return { invokedMs, atMs: h.nowMs };
  }

  it('hold when members stand as they are told, and are found when they do not', () => {
    mustHold(withNotes(one(), [FIRST, stood(2)]));
    mustBreak('K11', withNotes(one(), [FIRST, stood(3)]));
    mustBreak('K11', withNotes(one(), [FIRST, stood(2, { token: 'y' })]));
    mustBreak('K11', withNotes(one(), [FIRST, stood(2, { atMs: 1 })]));
    mustBreak('K11', withNotes(one(), [FIRST, stood(2, { asked: 'b' })]));
  });

  it('are found when an id is refused or passed over that nobody else had', () => {
    const refused = joined('y', 2, { outcome: 'refused' });
    mustHold(withNotes(one(), [FIRST, refused]));
    mustBreak('K11', withNotes(one(), [FIRST, { ...refused, token: 'x' }]));
    mustBreak('K11', withNotes(one(), [FIRST, { ...refused, id: 'b' }]));
    mustBreak('K11', withNotes(one(), [FIRST, { ...refused, onConflict: 'replace' }]));
    const h = one();
    h.put(`${KEY}-2`, value('y'), 6n, 2);
    const second = stood(3, { id: 'a-2', token: 'y', client: 2 });
    mustHold(withNotes(h, [FIRST, joined('y', 2), second]));
    const gone = one();
    gone.delete(KEY);
    const fromMs = gone.nowMs;
    gone.put(`${KEY}-2`, value('y'), 6n, 2);
    mustBreak(
      'K11',
      withNotes(gone, [FIRST, joined('y', 2), { ...second, incarnation: 4, fromMs }]),
    );
  });

  it('are found when one takes the id of another without being asked to', () => {
    const h = one();
    const times = take(h);
    const replaces = joined('y', 2, { onConflict: 'replace', ...times });
    mustHold(withNotes(h, [FIRST, replaces]));
    mustBreak('K11', withNotes(h, [FIRST]));
    mustBreak('K11', withNotes(h, [FIRST, { ...replaces, onConflict: 'suffix' }]));
    mustBreak('K11', withNotes(h, [FIRST, { ...replaces, id: 'b' }]));
    mustBreak('K11', withNotes(h, [FIRST, { ...replaces, atMs: times.invokedMs - 1 }]));
  });

  it('are found when one is told that it was turned out, and nobody did', () => {
    const h = one();
    const replaces = joined('y', 2, { onConflict: 'replace', ...take(h) });
    mustHold(withNotes(h, [FIRST, replaces, expelled(2)]));
    mustBreak('K11', withNotes(one(), [FIRST, expelled(2)]));
    const revoked = one();
    revoked.call({ kind: 'leaseRevoke', id: 5n }, { client: 2 });
    mustHold(withNotes(revoked, [FIRST]));
    mustBreak('K11', withNotes(revoked, [FIRST, expelled(2)]));
    revoked.put(KEY, value('y'), 6n, 2);
    mustHold(withNotes(revoked, [FIRST, joined('y', 2), expelled(2)]));
  });
});
