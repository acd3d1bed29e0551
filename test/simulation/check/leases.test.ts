// Proves for each promise about leases that a history which keeps it passes, and that histories
// which break it are found and called by the right name.
import type { Operation } from '../../../src/simulation/check/history.js';
import type { LeaseTimeToLiveResult, RevisionBatch } from '../../../src/store/index.js';
import { HistoryBuilder, withAnswer, withOperation } from './history-builder.js';
import { mustBreak, mustHold } from './verdict.js';

const ttl = (id: bigint) => ({ kind: 'leaseTimeToLive', request: { id } }) as const;
const NOT_FOUND = { kind: 'refused', code: 'LeaseNotFound', compactRevision: undefined } as const;

/** A lease of ten seconds with two keys, renewed once, that then expires. */
function expired() {
  const h = new HistoryBuilder();
  const grant = h.grant(5n);
  h.put('a', '1', 5n);
  h.put('b', '1', 5n);
  h.wait(6000);
  const renewal = h.call({ kind: 'leaseKeepAlive', id: 5n });
  h.wait(4000);
  const seen = h.call(ttl(5n));
  h.wait(6500);
  const gone = h.call(ttl(5n));
  const refused = h.put('c', '1', 5n);
  return { h, grant, renewal, seen, gone, refused };
}

describe('E1: no lease ends before its time', () => {
  it('holds for one that ends by itself, and for one that is revoked', () => {
    mustHold(expired().h.build());
    const h = new HistoryBuilder();
    h.grant(5n);
    h.put('a', '1', 5n);
    h.call({ kind: 'leaseRevoke', id: 5n });
    h.call({ kind: 'leaseRevoke', id: 5n });
    h.put('a', '2', 5n);
    mustHold(h.build());
  });

  it('finds keys that went too early after the grant, and after a renewal', () => {
    const { h, renewal, grant } = expired();
    const history = h.build();
    const longer = withAnswer(history, grant.id, (result) => ({ ...result, ttlSeconds: 60 }));
    mustBreak('E1', longer);
    const later = renewal.invokedMs + 5000;
    mustBreak(
      'E1',
      withOperation(history, renewal.id, { invokedMs: later, returnedMs: later + 10 }),
    );
  });

  it('finds a lease that is said to be gone too early, by any call', () => {
    const { h, seen, gone } = expired();
    const history = h.build();
    mustBreak('E1', withOperation(history, seen.id, { outcome: gone.outcome }));
    mustBreak('E1', withOperation(history, 1, { outcome: NOT_FOUND }));
    const call = { kind: 'leaseKeepAlive', id: 5n } as const;
    mustBreak('E1', withOperation(history, seen.id, { call, outcome: NOT_FOUND }));
  });

  it('allows for a clock that runs fast by the bound', () => {
    const { h, grant } = expired();
    const faster = withAnswer(h.build(), grant.id, (result) => ({ ...result, ttlSeconds: 10.05 }));
    mustHold(faster, { clockDriftMax: 0.01 });
    mustBreak('E1', faster, { clockDriftMax: 0 });
  });
});

describe('E2: no lease lasts for ever', () => {
  it('finds keys that are still there, and a lease that is still found', () => {
    const { h } = expired();
    const history = h.build();
    const kept = new HistoryBuilder();
    kept.grant(5n);
    kept.put('a', '1', 5n);
    const early = kept.build();
    mustHold(early);
    mustBreak('E2', { ...early, endMs: 20_000 });
    const seen = { invokedMs: 40_000, returnedMs: 40_010 };
    const cut = history.operations.slice(0, 5) as Operation[];
    const alone = {
      ...history,
      operations: cut,
      revisions: history.revisions.slice(0, 2),
      endMs: 20_000,
    };
    mustBreak('E2', withOperation(alone, 4, seen));
  });

  it('finds one that expired too late', () => {
    const { h } = expired();
    const history = h.build();
    mustBreak('E2', history, { leaseSlackMs: -100 });
    const revisionsAtMs = history.revisionsAtMs?.map((atMs, at) =>
      at === 2 ? (atMs ?? 0) + 9000 : atMs,
    );
    const operations = history.operations.slice(0, 5);
    mustBreak('E2', { ...history, operations, revisionsAtMs: revisionsAtMs ?? [], endMs: 40_000 });
  });

  it('waits for a new leader, and for a quorum', () => {
    const kept = new HistoryBuilder();
    kept.grant(5n);
    kept.put('a', '1', 5n);
    const history = { ...kept.build(), endMs: 20_000 };
    const disturbances = [{ fromMs: 9000, toMs: 12_000 }];
    mustHold(history, { leaseSlackMs: 5000, disturbances });
    mustBreak('E2', { ...history, endMs: 30_000 }, { leaseSlackMs: 5000, disturbances });
    kept.wait(9000);
    kept.store.term = 3;
    kept.get('a');
    mustHold({ ...kept.build(), endMs: 20_000 });
  });
});

describe('E3: a lease ends with all of its keys', () => {
  it('finds an expiry that leaves a key, and one in two revisions', () => {
    const { h } = expired();
    const history = h.build();
    const last = history.revisions.at(-1) as RevisionBatch;
    const half = { ...last, events: last.events.slice(0, 1) };
    const revisions = [...history.revisions.slice(0, -1), half];
    mustBreak('E3', { ...history, revisions });
    const rest = last.events.slice(1).map(({ type, kv }) => ({
      type,
      kv: { ...kv, modRevision: last.revision + 1 },
    }));
    const two = [...revisions, { revision: last.revision + 1, events: rest }];
    mustBreak('E3', { ...history, revisions: two });
  });

  it('finds a revoke that leaves its keys', () => {
    const h = new HistoryBuilder();
    h.grant(5n);
    h.put('a', '1', 5n);
    const revoke = h.call({ kind: 'leaseRevoke', id: 5n });
    mustHold(h.build());
    const history = { ...h.build(), revisions: h.build().revisions.slice(0, 1) };
    mustBreak(
      'E3',
      withAnswer(history, revoke.id, (r) => ({ ...r, header: { ...r.header, revision: 2 } })),
    );
  });
});

describe('E4: nothing works with a lease that has ended', () => {
  it('finds a key attached after an expiry, and after a revoke', () => {
    const { h } = expired();
    h.call({ kind: 'put', request: { key: 'z', value: '1' } });
    const history = h.build();
    const last = history.revisions.at(-1) as RevisionBatch;
    const [event] = last.events as [RevisionBatch['events'][0]];
    const events = [{ ...event, kv: { ...event.kv, lease: 5n } }];
    mustBreak('E4', {
      ...history,
      revisions: [...history.revisions.slice(0, -1), { ...last, events }],
    });
  });

  it('finds a lease that is found again, renewed, or revoked twice', () => {
    const { h, seen, renewal } = expired();
    h.call({ kind: 'leaseKeepAlive', id: 5n });
    const again = h.call(ttl(5n));
    const history = h.build();
    mustHold(history);
    mustBreak('E4', withOperation(history, again.id, { outcome: seen.outcome }));
    mustBreak('E4', withOperation(history, again.id - 1, { outcome: renewal.outcome }));
    const r = new HistoryBuilder();
    r.grant(5n);
    const first = r.call({ kind: 'leaseRevoke', id: 5n });
    const second = r.call({ kind: 'leaseRevoke', id: 5n });
    mustHold(r.build());
    mustBreak('E4', withOperation(r.build(), second.id, { outcome: first.outcome }));
  });

  it('finds a key of a lease that nobody granted', () => {
    const { h, grant } = expired();
    const history = h.build();
    mustBreak('E4', {
      ...history,
      operations: history.operations.filter(({ id }) => id !== grant.id),
    });
  });
});

describe('E5: the calls about one lease have an order', () => {
  const make = () => {
    const h = new HistoryBuilder();
    const before = h.call(ttl(5n));
    const grant = h.grant(5n);
    const list = h.call({ kind: 'leaseList' });
    const seen = h.call(ttl(5n));
    const revoke = h.call({ kind: 'leaseRevoke', id: 5n });
    const after = h.call(ttl(5n));
    return { h, before, grant, list, seen, revoke, after };
  };

  it('holds from grant to revoke', () => mustHold(make().h.build()));

  it('finds a lease that is there before its grant, or not there before its end', () => {
    const { h, before, seen, list } = make();
    const history = h.build();
    mustBreak('E5', withOperation(history, before.id, { outcome: seen.outcome }));
    const missing = (result: object): LeaseTimeToLiveResult =>
      ({ ...result, remainingTtlSeconds: -1 }) as LeaseTimeToLiveResult;
    mustBreak('E5', withAnswer(history, seen.id, missing));
    mustBreak(
      'E5',
      withAnswer(history, list.id, (result) => ({ ...result, ids: [] })),
    );
  });

  it('finds one that is gone and there again while a revoke is under way', () => {
    const { h, seen, revoke } = make();
    const history = h.build();
    const long = withOperation(history, revoke.id, { invokedMs: seen.invokedMs - 40 });
    const gone = withAnswer(long, 2, (result) => ({ ...result, ids: [] }));
    mustBreak('E5', gone);
    mustHold(withOperation(long, revoke.id, { invokedMs: seen.invokedMs - 1 }));
  });

  it('do not take a lease for ended when a call without an answer may have deleted its key', () => {
    const h = new HistoryBuilder();
    h.grant(5n);
    h.put('a', '1', 5n);
    h.wait(9890);
    h.lost({ kind: 'delete', request: { key: 'a' } });
    h.call({ kind: 'leaseRevoke', id: 5n });
    mustHold(h.build());
  });

  it('do not take a lease for revoked that is found later', () => {
    const h = new HistoryBuilder();
    h.grant(5n);
    h.put('a', '1', 5n);
    const never = h.call({ kind: 'leaseRevoke', id: 6n });
    h.operations[never.id] = {
      ...never,
      call: { kind: 'leaseRevoke', id: 5n },
      outcome: { kind: 'unknown' },
    };
    h.lost({ kind: 'delete', request: { key: 'a' } });
    h.call(ttl(5n));
    h.put('a', '2', 5n);
    mustHold(h.build());
  });

  it('says so when the search is given up', () => {
    mustBreak('E5', make().h.build(), { searchStepsMax: 1 });
  });
});
