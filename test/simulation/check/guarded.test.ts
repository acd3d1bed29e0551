// Proves for guarded transactions that one which took effect while all held that it names passes,
// and that a history which breaks K16 is found and called by that name.
import type { GuardNote, RecipeNote } from '../../../src/simulation/check/history.js';
import { builder, drop, id, put, txn, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

type Guarded = Extract<RecipeNote, { kind: 'guarded' }>;

describe('K16: guarded transactions', () => {
  const ENTRY = `till/q/${id(5n)}`;
  const CANDIDATE = `boss/c/${id(5n)}`;
  const LOCK: GuardNote = { recipe: 'lock', name: 'till', fence: 2 };
  const LEADER: GuardNote = { recipe: 'election', name: 'boss', fence: 3 };
  const CONFIG: GuardNote = { recipe: 'config', name: 'shop/', revision: 4, text: 'price=7' };
  const ALL = [LOCK, LEADER, CONFIG];
  const puts = ['ledger/1', 'ledger/2'];
  const guarded = (revision: number, more: Partial<Guarded> = {}): Guarded => {
    const terms = { token: 'x', client: 1, guards: ALL, puts, deletes: ['ledger/3'] };
    return { kind: 'guarded', ...terms, outcome: 'done', revision, atMs: 1000, ...more };
  };
  const write = puts.map((key) => put(key, 'x'));
  const REFUSED = { outcome: 'refused' } as const;

  /** Revision 2 has the lock, 3 the leadership, 4 the configuration, 5 the ledger. */
  function taken() {
    const h = builder([5n]);
    h.put(ENTRY, '{}', 5n);
    txn(h, [put(CANDIDATE, 'me', 5n), put('boss/leader', id(5n), 5n)]);
    h.put('shop/price', '7');
    h.put('ledger/3', 'old');
    return h;
  }

  it('hold when all held, and when nobody knows', () => {
    const h = taken();
    const revision = txn(h, [...write, drop('ledger/3')]);
    mustHold(withNotes(h, [guarded(revision)]));
    mustHold(withNotes(h, [guarded(0, { outcome: 'unknown' })]));
    mustHold(withNotes(taken(), [guarded(0, { outcome: 'unknown' })]));
  });

  it('are found when they did not happen as told, or in part, or twice', () => {
    mustBreak('K16', withNotes(taken(), [guarded(6)]));
    const h = taken();
    const revision = txn(h, [...write, drop('ledger/3')]);
    mustBreak('K16', withNotes(h, [guarded(revision - 1)]));
    mustBreak('K16', withNotes(h, [guarded(revision, REFUSED)]));
    mustBreak('K16', withNotes(h, [guarded(revision, { puts: [...puts, 'ledger/4'] })]));
    txn(h, write);
    mustBreak('K16', withNotes(h, [guarded(revision)]));
    const part = taken();
    mustBreak('K16', withNotes(part, [guarded(txn(part, write))]));
  });

  const spoils = [
    { what: 'the lock', spoil: [drop(ENTRY)], guard: LOCK },
    { what: 'the leadership', spoil: [drop('boss/leader'), drop(CANDIDATE)], guard: LEADER },
    { what: 'a setting', spoil: [put('shop/price', '8')], guard: CONFIG },
    { what: 'a setting that is gone', spoil: [drop('shop/price')], guard: CONFIG },
    { what: 'a new setting', spoil: [put('shop/tax', '1')], guard: CONFIG },
  ];

  for (const { what, spoil, guard } of spoils) {
    it(`are found when they happen without ${what}, and may be refused then only`, () => {
      const h = taken();
      const before = h.revision;
      const after = txn(h, spoil);
      mustHold(withNotes(h, [guarded(after, REFUSED)]));
      mustHold(withNotes(h, [guarded(after, { ...REFUSED, guards: [guard] })]));
      mustBreak('K16', withNotes(h, [guarded(before, REFUSED)]));
      const others = ALL.filter((one) => one !== guard);
      mustBreak('K16', withNotes(h, [guarded(after, { ...REFUSED, guards: others })]));
      const revision = txn(h, [...write, drop('ledger/3')]);
      mustBreak('K16', withNotes(h, [guarded(revision)]));
      mustHold(withNotes(h, [guarded(revision, { guards: others })]));
    });
  }
});
