// Proves for rollouts that beginnings under permits pass, and that one without a permit, one after
// too many failures, and too many at one time are found.
import type { HistoryBuilder } from './history-builder.js';
import { builder, drop, id, put, txn, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K15: rollouts', () => {
  const note = (kind: string, who: string) => `fleet@rollout/${kind}/${who}`;
  const mark = (state: string, revision = 9) => JSON.stringify({ stateId: state, revision });
  const gate = 'gate/@semaphore/';
  const grant = (h: HistoryBuilder, lease: bigint) =>
    txn(h, [put(`${gate}held/${id(lease)}`, '{"weight":1}', lease), put(`${gate}epoch`, '')]);
  const giveBack = (h: HistoryBuilder, lease: bigint) => h.delete(`${gate}held/${id(lease)}`);
  const begin = (h: HistoryBuilder, who: string, lease: bigint, state = 's1') =>
    txn(h, [put(note('trying', who), mark(state)), put(note('live', who), '', lease)]);
  const end = (h: HistoryBuilder, who: string, outcome: string, state = 's1') =>
    txn(h, [
      drop(note('trying', who)),
      drop(note('live', who)),
      put(note(outcome, who), mark(state)),
    ]);
  const rolled = (instance: string, fromMs = 0, untilMs = 0, failureBudget = 0) => {
    const terms = { config: 'fleet', gate: 'gate', revision: 9, failureBudget, isGood: true };
    return { kind: 'rolled', instance, fromMs, untilMs, ...terms } as const;
  };

  function gated(limit = 2): HistoryBuilder {
    const h = builder([5n, 6n, 7n]);
    h.put(`${gate}limit`, `{"limit":${limit},"order":"fifo"}`);
    return h;
  }

  it('hold one after the other, and without a permit for what was done before', () => {
    const h = gated();
    grant(h, 5n);
    begin(h, 'a', 5n);
    end(h, 'a', 'done');
    giveBack(h, 5n);
    begin(h, 'a', 5n);
    end(h, 'a', 'done');
    mustHold(withNotes(h, [rolled('a')]));
  });

  it('are found when one begins without a permit, or with that of another', () => {
    const none = gated();
    begin(none, 'a', 5n);
    mustBreak('K15', withNotes(none, [rolled('a')]));
    const other = gated();
    grant(other, 6n);
    begin(other, 'a', 5n);
    mustBreak('K15', withNotes(other, [rolled('a')]));
  });

  it('are found when one begins what others have failed with, been refused by, or died of', () => {
    for (const outcome of ['failed', 'refused', 'crashed']) {
      const h = gated();
      grant(h, 5n);
      begin(h, 'a', 5n);
      if (outcome === 'crashed') h.delete(note('live', 'a'));
      else end(h, 'a', outcome);
      giveBack(h, 5n);
      grant(h, 6n);
      begin(h, 'b', 6n);
      mustBreak('K15', withNotes(h, [rolled('a')]));
      mustHold(withNotes(h, [rolled('a', 0, 0, 1)]));
    }
  });

  it('hold when others fail meanwhile, and with another value', () => {
    const h = gated();
    grant(h, 5n);
    grant(h, 6n);
    begin(h, 'a', 5n);
    end(h, 'a', 'failed');
    begin(h, 'b', 6n);
    giveBack(h, 5n);
    grant(h, 7n);
    begin(h, 'c', 7n, 's2');
    mustHold(withNotes(h, [rolled('a')]));
  });

  it('are found when one tries again what it has failed with itself', () => {
    const h = gated();
    grant(h, 5n);
    begin(h, 'a', 5n);
    end(h, 'a', 'failed');
    giveBack(h, 5n);
    grant(h, 5n);
    begin(h, 'a', 5n);
    mustBreak('K15', withNotes(h, [rolled('a', 0, 0, 5)]));
  });

  it('are found when one is done with what nobody can be well with', () => {
    const h = gated();
    grant(h, 5n);
    begin(h, 'a', 5n);
    end(h, 'a', 'done');
    mustBreak('K15', withNotes(h, [{ ...rolled('a'), isGood: false }]));
  });

  it('are found when more believe to be at it than the gate ever admitted', () => {
    const h = gated();
    const two = [rolled('a', 0, 100), rolled('b', 50, 150), rolled('c', 100, 200)];
    mustHold(withNotes(h, two));
    mustHold(withNotes(h, [...two, rolled('a', 0, 90)]));
    mustBreak('K15', withNotes(h, [...two, rolled('d', 90, 95)]));
  });
});
