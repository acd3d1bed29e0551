// Proves for permits of a semaphore that a history of keys as the recipe writes them passes, and
// that one which breaks K6 is found and called by that name.
import type { HistoryBuilder } from './history-builder.js';
import { builder, drop, held, id, put, txn, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K6: permits of a semaphore', () => {
  const all = 'disks/@semaphore/';
  const limit = (h: HistoryBuilder, value: number, order = 'fifo') =>
    h.put(`${all}limit`, `{"limit":${value},"order":"${order}"}`);
  const permit = (lease: bigint, weight = 1) =>
    put(`${all}held/${id(lease)}`, `{"weight":${weight}}`, lease);
  const wait = (h: HistoryBuilder, lease: bigint) =>
    h.put(`${all}line/${id(lease)}`, '{"weight":1}', lease);
  const grant = (h: HistoryBuilder, lease: bigint, weight = 1) =>
    txn(h, [permit(lease, weight), put(`${all}epoch`), drop(`${all}line/${id(lease)}`)]);

  it('hold up to the limit, also when it shrinks', () => {
    const h = builder([5n, 6n, 7n]);
    limit(h, 3);
    grant(h, 5n, 2);
    const second = grant(h, 6n);
    const fromMs = h.nowMs;
    limit(h, 2);
    h.delete(`${all}held/${id(5n)}`);
    wait(h, 7n);
    grant(h, 7n);
    mustHold(withNotes(h, [held('permit', 'disks', 1, [second, fromMs, h.nowMs])]));
  });

  it('are found when too many are granted, before a limit or beyond it', () => {
    const before = builder([5n]);
    grant(before, 5n);
    mustBreak('K6', before.build());
    const beyond = builder([5n, 6n]);
    limit(beyond, 2);
    grant(beyond, 5n);
    grant(beyond, 6n, 2);
    mustBreak('K6', beyond.build());
  });

  it('are found when two come at once, or leave the epoch, or have another lease', () => {
    const twice = builder([5n, 6n]);
    limit(twice, 2);
    txn(twice, [permit(5n), permit(6n), put(`${all}epoch`)]);
    mustBreak('K6', twice.build());
    const still = builder([5n]);
    limit(still, 2);
    txn(still, [permit(5n)]);
    mustBreak('K6', still.build());
    const other = builder([5n, 6n]);
    limit(other, 2);
    txn(other, [put(`${all}held/${id(5n)}`, '{}', 6n), put(`${all}epoch`)]);
    mustBreak('K6', other.build());
  });

  it('are found when one passes another, unless small ones may', () => {
    for (const order of ['fifo', 'firstFit']) {
      const h = builder([5n, 6n]);
      limit(h, 1, order);
      wait(h, 5n);
      wait(h, 6n);
      grant(h, 6n);
      if (order === 'fifo') mustBreak('K6', h.build());
      else mustHold(h.build());
    }
  });

  it('are not held by whoever never had them, or has none any more', () => {
    const h = builder([5n]);
    limit(h, 1);
    const fence = grant(h, 5n);
    const fromMs = h.nowMs;
    h.delete(`${all}held/${id(5n)}`);
    h.wait(1000);
    mustBreak('K3', withNotes(h, [held('permit', 'disks', 1, [fence, fromMs, h.nowMs])]));
    mustBreak('K3', withNotes(h, [held('permit', 'disks', 1, [99, fromMs, fromMs])]));
  });
});
