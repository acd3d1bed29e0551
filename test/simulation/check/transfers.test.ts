// Proves for a leadership that is handed over that a history of keys as the recipe writes them
// passes, and that one which breaks K4 is found and called by that name.
import type { HistoryBuilder } from './history-builder.js';
import { builder, drop, id, put, txn } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K4: a leadership that is handed over', () => {
  const candidate = (lease: bigint) => `boss/c/${id(lease)}`;

  function led(): HistoryBuilder {
    const h = builder([5n, 6n, 7n]);
    for (const lease of [5n, 6n, 7n]) h.put(candidate(lease), '', lease);
    h.put('boss/leader', id(5n), 5n);
    return h;
  }

  it('holds past others in line, and is found when the leader stays a candidate', () => {
    const h = led();
    txn(h, [put('boss/leader', id(7n), 7n), drop(candidate(5n))]);
    mustHold(h.build());
    const stays = led();
    txn(stays, [put('boss/leader', id(7n), 7n)]);
    mustBreak('K4', stays.build());
    const other = led();
    txn(other, [put('boss/leader', id(7n), 6n), drop(candidate(5n))]);
    mustBreak('K4', other.build());
  });
});
