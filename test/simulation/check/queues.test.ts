// Proves for messages of a queue that a history of keys as the recipe writes them passes, and that
// one which breaks K8 is found and called by that name.
import type { RecipeNote } from '../../../src/simulation/check/history.js';
import type { HistoryBuilder } from './history-builder.js';
import { builder, drop, held, put, txn, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K8: messages of a queue', () => {
  const all = 'mail/@queue/';
  const ready = `${all}index/ready/999/a`;
  const claim = `${all}index/claim/a`;
  const body = `${all}body/a`;
  const dead = `${all}index/dead/a`;
  const send = (h: HistoryBuilder) => txn(h, [put(body), put(ready, '{"attempts":0}')]);
  const take = (h: HistoryBuilder, lease: bigint, client: number, attempts = 1) =>
    txn(h, [put(claim, '{}', lease), put(ready, `{"attempts":${attempts}}`)], client);
  const ack = (h: HistoryBuilder, client: number) =>
    txn(h, [drop(claim), drop(ready), drop(body)], client);
  const acked = (fence: number, atMs: number): RecipeNote => {
    return { kind: 'acked', queue: 'mail', id: 'a', fence, atMs };
  };

  function sent() {
    const h = builder([5n, 6n]);
    send(h);
    return h;
  }

  it('hold when one is lost by its consumer and acknowledged by the next', () => {
    const h = sent();
    take(h, 5n, 1);
    txn(h, [drop(claim)], 1);
    const fence = take(h, 6n, 2, 2);
    ack(h, 2);
    const note = { kind: 'sent', queue: 'mail', id: 'a', invokedMs: 0, atMs: h.nowMs } as const;
    mustHold(withNotes(h, [note, acked(fence, h.nowMs)]));
    mustBreak('K8', withNotes(h, [acked(fence - 2, h.nowMs)]));
    mustBreak('K8', withNotes(h, [{ ...note, id: 'b' }]));
  });

  it('hold when one is given up and discarded', () => {
    const h = sent();
    take(h, 5n, 1);
    txn(h, [drop(claim), drop(ready), put(dead)], 1);
    txn(h, [drop(dead), drop(body)], 3);
    mustHold(h.build());
  });

  it('are found when one is acknowledged for another, or by nobody', () => {
    const other = sent();
    take(other, 5n, 1);
    ack(other, 2);
    mustBreak('K8', other.build());
    const nobody = sent();
    ack(nobody, 1);
    mustBreak('K8', nobody.build());
  });

  it('are found when they are nowhere, or in two places', () => {
    const nowhere = sent();
    txn(nowhere, [drop(ready)]);
    mustBreak('K8', nowhere.build());
    const two = sent();
    txn(two, [put(dead)]);
    mustBreak('K8', two.build());
  });

  it('are found when two claim them, or a claim does not count', () => {
    const two = sent();
    take(two, 5n, 1);
    take(two, 6n, 2, 2);
    mustBreak('K8', two.build());
    const uncounted = sent();
    take(uncounted, 5n, 1, 0);
    mustBreak('K8', uncounted.build());
  });

  it('are not worked on by two at one time', () => {
    const h = sent();
    const first = take(h, 5n, 1);
    const fromMs = h.nowMs;
    txn(h, [drop(claim)], 1);
    const second = take(h, 6n, 2, 2);
    const notes = [
      held('message', 'mail/a', 1, [first, fromMs, h.nowMs + 50]),
      held('message', 'mail/a', 2, [second, h.nowMs, h.nowMs + 10]),
    ];
    mustBreak('K3', withNotes(h, notes));
  });
});
