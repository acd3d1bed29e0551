// Proves for each promise about keys and values that a history which keeps it passes, and that
// histories which break it, each in one way, are found and called by the right name.
import type { Operation } from '../../../src/simulation/check/history.js';
import type { PutResult, RangeResult, RevisionBatch } from '../../../src/store/index.js';
import { atRevision, HistoryBuilder, withAnswer, withOperation } from './history-builder.js';
import { mustBreak, mustHold } from './verdict.js';

/** The revision of an answer. */
function at({ outcome }: Operation): number {
  return outcome.kind === 'answered' ? outcome.answer.result.header.revision : 0;
}

function withBatch(builder: HistoryBuilder, batch: RevisionBatch) {
  const history = builder.build();
  return {
    ...history,
    revisions: history.revisions.map((r) => (r.revision === batch.revision ? batch : r)),
  };
}

describe('L1: every answer is that of one order which keeps real time', () => {
  it('holds for reads, writes and transactions of one client after another', () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    h.get('a');
    h.call({
      kind: 'txn',
      request: {
        compare: [{ key: 'a', target: 'value', operator: '=', operand: '1' }],
        success: [
          { kind: 'put', key: 'b', value: '2' },
          { kind: 'range', key: 'a', rangeEnd: 'z' },
          { kind: 'txn', success: [{ kind: 'delete', key: 'a' }] },
        ],
      },
    });
    h.delete('a');
    h.delete('b');
    mustHold(h.build());
  });

  it('finds a stale read', () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    const early = h.get('a');
    h.put('a', '2');
    const late = h.get('a');
    mustHold(h.build());
    mustBreak('L1', withOperation(h.build(), late.id, { outcome: early.outcome }));
  });

  it('finds a wrong value, a wrong count and a wrong branch', () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    h.put('b', '1');
    const read = h.call({ kind: 'range', request: { key: 'a', rangeEnd: 'c' } });
    const txn = h.call({
      kind: 'txn',
      request: {
        compare: [{ key: 'a', target: 'version', operator: '=', operand: 7 }],
        success: [{ kind: 'range', key: 'a' }],
      },
    });
    const history = h.build();
    mustBreak(
      'L1',
      withAnswer(history, read.id, (r) => ({ ...r, count: 3 }) as RangeResult),
    );
    mustBreak(
      'L1',
      withAnswer(history, read.id, (r) => ({ ...r, kvs: [] }) as unknown as RangeResult),
    );
    mustBreak(
      'L1',
      withAnswer(history, txn.id, (r) => ({ ...r, succeeded: true })),
    );
  });

  it('finds a previous pair that was not the one before', () => {
    const h = new HistoryBuilder();
    const first = h.put('a', '1');
    const second = h.put('a', '2');
    const { header } = (second.outcome as { answer: { result: PutResult } }).answer.result;
    mustBreak(
      'L1',
      withAnswer(h.build(), second.id, () => ({ header })),
    );
    mustBreak('L1', withOperation(h.build(), second.id, { outcome: first.outcome }));
  });

  it('finds two answers with one revision', () => {
    const h = new HistoryBuilder();
    const first = h.put('a', '1');
    const second = h.put('a', '1');
    mustBreak('L1', atRevision(h.build(), second.id, at(first)));
  });

  it('finds a delete that deleted and says that it found nothing', () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    const gone = h.delete('a');
    const nothing = (r: object) => ({ ...r, deleted: 0, prevKvs: [] }) as unknown as PutResult;
    mustBreak('L3', withAnswer(h.build(), gone.id, nothing));
    mustBreak('L1', atRevision(withAnswer(h.build(), gone.id, nothing), gone.id, 2));
  });

  it('finds refusals without a reason, and answers where there was one', () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    const kept = h.call({ kind: 'put', request: { key: 'a', ignoreValue: true } });
    const missing = h.call({ kind: 'put', request: { key: 'b', ignoreLease: true } });
    const read = h.get('a');
    const history = h.build();
    mustHold(history);
    const refused = (code: 'KeyNotFound' | 'EmptyKey' | 'LeaseExists') =>
      ({ kind: 'refused', code, compactRevision: undefined }) as const;
    mustBreak('L1', withOperation(history, read.id, { outcome: refused('EmptyKey') }));
    mustBreak('L1', withOperation(history, read.id, { outcome: refused('LeaseExists') }));
    const lost = { ...history, revisions: history.revisions.slice(0, 1) };
    mustBreak('L1', withOperation(lost, kept.id, { outcome: refused('KeyNotFound') }));
    mustBreak('L1', withOperation(history, missing.id, { outcome: kept.outcome }));
    const empty = { kind: 'range', request: { key: '' } } as const;
    mustBreak('L1', withOperation(history, read.id, { call: empty }));
  });
});

describe('L2: what was acknowledged is there', () => {
  it('finds a write that is not in the history at all', () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    h.put('b', '1');
    const history = h.build();
    mustHold(history);
    mustBreak('L2', { ...history, revisions: history.revisions.slice(0, 1), revisionsAtMs: [] });
  });

  it('finds another write in its place, or its own with other bytes', () => {
    const h = new HistoryBuilder();
    const put = h.put('a', '1');
    h.put('b', '1');
    const [first, second] = h.build().revisions as [RevisionBatch, RevisionBatch];
    mustBreak('L2', withBatch(h, { ...second, revision: first.revision }));
    const [event] = first.events;
    const kv = { ...(event?.kv as NonNullable<typeof event>['kv']), value: Uint8Array.of(9) };
    mustBreak('L2', withBatch(h, { ...first, events: [{ type: 'put', kv }] }));
    mustBreak('L2', atRevision(h.build(), put.id, 1));
    const call = { kind: 'put', request: { key: 'a', value: 'other' } } as const;
    mustBreak('L2', withOperation(h.build(), put.id, { call }));
  });
});

describe('L3: whatever is there was asked for', () => {
  it('finds a change that nobody asked for', () => {
    const h = new HistoryBuilder();
    const put = h.put('a', '1');
    h.put('b', '1');
    const history = h.build();
    const operations = history.operations.filter(({ id }) => id !== put.id);
    mustBreak('L3', { ...history, operations });
  });

  it('finds the effect of a call that was refused', () => {
    const h = new HistoryBuilder();
    const put = h.put('a', '1');
    const outcome = { kind: 'refused', code: 'Stopped', compactRevision: undefined } as const;
    mustBreak('L3', withOperation(h.build(), put.id, { outcome }));
  });

  it('finds an answer from a revision that never was', () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    const read = h.get('a');
    mustBreak('L3', atRevision(h.build(), read.id, 7));
  });
});

describe('L4: a call without an answer has its effect once, after it was sent, or never', () => {
  it('holds when it took effect, and when it did not', () => {
    const h = new HistoryBuilder();
    h.lost({ kind: 'put', request: { key: 'a', value: '1' } });
    h.lost({ kind: 'delete', request: { key: 'a' } });
    const never = h.put('b', '2');
    const history = h.build();
    mustHold(history);
    const revisions = history.revisions.slice(0, 2);
    const call = { outcome: { kind: 'unknown' } } as const;
    mustHold(withOperation({ ...history, revisions }, never.id, call));
  });

  it('gives each revision to the one that can have made it', () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    h.lost({ kind: 'delete', request: { key: 'a' } });
    h.put('a', '2');
    h.put('b', '2');
    const range = h.lost({ kind: 'delete', request: { key: 'a', rangeEnd: 'z' } });
    mustHold(h.build());
    // Sent early, the range could have deleted the first key too; but then nobody is left for the
    // last revision.
    const history = withOperation(h.build(), range.id, { invokedMs: 21 });
    mustHold({ ...history, operations: history.operations.toReversed() });
  });

  it('finds a second effect', () => {
    const h = new HistoryBuilder();
    h.lost({ kind: 'put', request: { key: 'a', value: '1' } });
    const twin = h.put('a', '1');
    const history = h.build();
    const operations = history.operations.filter(({ id }) => id !== twin.id);
    mustBreak('L4', { ...history, operations });
  });

  it('finds the second effect of a call that was answered', () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    const twin = h.put('a', '1');
    const history = h.build();
    const operations = history.operations.filter(({ id }) => id !== twin.id);
    mustBreak('L4', { ...history, operations });
  });

  it('finds an effect before the call was sent', () => {
    const h = new HistoryBuilder();
    const lost = h.lost({ kind: 'put', request: { key: 'a', value: '1' } });
    h.get('a');
    mustBreak('L4', withOperation(h.build(), lost.id, { invokedMs: 500, returnedMs: 600 }));
  });

  it('finds half an effect', () => {
    const h = new HistoryBuilder();
    h.lost({
      kind: 'txn',
      request: {
        success: [
          { kind: 'put', key: 'a', value: '1' },
          { kind: 'put', key: 'b', value: '1' },
        ],
      },
    });
    const [batch] = h.build().revisions as [RevisionBatch];
    mustBreak('L4', withBatch(h, { ...batch, events: batch.events.slice(0, 1) }));
  });
});

describe('L5: the laws of revisions', () => {
  const make = () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    h.put('a', '2');
    h.get('a');
    return h;
  };

  it('finds a gap, a revision without change, and wrong numbers of a key', () => {
    const h = make();
    const history = h.build();
    mustHold(history);
    mustBreak('L5', { ...history, revisions: history.revisions.slice(1) });
    const [, second] = history.revisions as [RevisionBatch, RevisionBatch];
    mustBreak('L5', withBatch(h, { ...second, events: [] }));
    const { kv } = second.events[0] as (typeof second.events)[0];
    for (const wrong of [{ version: 1 }, { createRevision: 3 }, { modRevision: 2 }]) {
      mustBreak(
        'L5',
        withBatch(h, { ...second, events: [{ type: 'put', kv: { ...kv, ...wrong } }] }),
      );
    }
  });

  it('finds a member that goes back in revision or in term, unless it restarted', () => {
    const h = make();
    h.call({ kind: 'compact', request: { revision: 2 } });
    const grant = h.call({ kind: 'leaseGrant', request: { ttlSeconds: 5 } });
    const history = h.build();
    mustBreak('L5', atRevision(history, grant.id, 2));
    const termBack = withAnswer(history, grant.id, (result) => ({
      ...result,
      header: { ...result.header, raftTerm: 1 },
    }));
    mustBreak('L5', termBack);
    const restarts = [{ member: 'one', atMs: grant.invokedMs - 1 }];
    mustHold({ ...termBack, restarts });
    const answeredByTheNext = [{ member: 'one', atMs: grant.invokedMs + 0.1 }];
    mustHold({ ...termBack, restarts: answeredByTheNext });
  });

  it('finds an answer that knows a revision which nobody had asked for', () => {
    const h = make();
    h.grant(5n);
    const early = h.call({ kind: 'leaseTimeToLive', request: { id: 5n } });
    h.put('b', '1');
    const history = h.build();
    mustBreak('L5', atRevision({ ...history, revisionsAtMs: [] }, early.id, 4));
  });
});

describe('L6: a serializable read is a state of the past', () => {
  const make = () => {
    const h = new HistoryBuilder();
    h.put('a', '1');
    h.put('a', '2');
    const read = h.call({ kind: 'range', request: { key: 'a', serializable: true } });
    return { h, read };
  };

  it('holds for a member that lags', () => {
    const { h, read } = make();
    h.call({ kind: 'range', request: { key: 'a', serializable: true } }, { member: 'two' });
    const call = { kind: 'range', request: { key: 'a', serializable: true } } as const;
    const outcome = h.store.runAt(call, 2);
    mustHold(withOperation(h.build(), read.id, { outcome, member: 'three' }));
  });

  it('finds a state that never was, one of the future, and one older than before', () => {
    const { h, read } = make();
    const later = h.call({ kind: 'range', request: { key: 'a', serializable: true } });
    const history = h.build();
    mustBreak('L6', atRevision(history, read.id, 2));
    mustBreak(
      'L6',
      withAnswer(history, read.id, (r) => ({ ...r, kvs: [], count: 0 }) as unknown as RangeResult),
    );
    const call = { kind: 'range', request: { key: 'a', serializable: true } } as const;
    mustBreak('L6', withOperation(history, later.id, { outcome: h.store.runAt(call, 2) }));
    const early = withOperation({ ...history, revisionsAtMs: [] }, read.id, {
      invokedMs: 0,
      returnedMs: 5,
    });
    mustBreak('L6', early);
    mustBreak('L6', atRevision(history, read.id, 9));
  });
});

describe('L7: reads of the past and compaction', () => {
  const make = () => {
    const h = new HistoryBuilder();
    for (let i = 0; i < 6; i++) h.put('a', String(i));
    const past = h.call({ kind: 'range', request: { key: 'a', revision: 3 } });
    const compact = h.call({ kind: 'compact', request: { revision: 5 } });
    const edge = h.call({ kind: 'range', request: { key: 'a', revision: 5 } });
    const refused = h.call({ kind: 'range', request: { key: 'a', revision: 4 } });
    const future = h.call({ kind: 'range', request: { key: 'a', revision: 50 } });
    const again = h.call({ kind: 'compact', request: { revision: 4 } });
    return { h, past, compact, edge, refused, future, again };
  };

  it('holds on both sides of the compact revision', () => mustHold(make().h.build()));

  it('finds the wrong state, and one that was compacted', () => {
    const { h, past, edge, refused } = make();
    const history = h.build();
    mustBreak(
      'L7',
      withOperation(history, past.id, {
        call: { kind: 'range', request: { key: 'a', revision: 4 } },
      }),
    );
    mustBreak('L7', withOperation(history, edge.id, { outcome: past.outcome, call: past.call }));
    mustBreak(
      'L7',
      withOperation(history, refused.id, {
        outcome: past.outcome,
        call: past.call,
        invokedMs: refused.invokedMs,
      }),
    );
  });

  it('finds a refusal above the compact revision, or before there was one', () => {
    const { h, edge, past, refused } = make();
    const history = h.build();
    mustBreak('L7', withOperation(history, edge.id, { outcome: refused.outcome }));
    mustBreak('L7', withOperation(history, past.id, { outcome: refused.outcome }));
  });

  it('finds a future that was there, and an answer from one that was not', () => {
    const { h, past, future, edge } = make();
    const history = h.build();
    mustBreak('L7', withOperation(history, past.id, { outcome: future.outcome }));
    mustBreak('L7', withOperation(history, future.id, { outcome: edge.outcome }));
  });

  it('finds a compaction that went back, was done twice, or into the future', () => {
    const { h, again, compact, future } = make();
    const history = h.build();
    mustBreak('L7', withOperation(history, again.id, { outcome: compact.outcome }));
    mustBreak(
      'L7',
      withOperation(history, again.id, { outcome: compact.outcome, call: compact.call }),
    );
    mustBreak(
      'L7',
      withOperation(history, compact.id, { call: { kind: 'compact', request: { revision: 40 } } }),
    );
    mustBreak('L7', withOperation(history, again.id, { outcome: future.outcome }));
  });
});
