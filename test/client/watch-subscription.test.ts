// Proves that the parts of a split response become one batch however many events they hold: a
// revision that deletes a large range is more than a call takes arguments.
import assert from 'node:assert/strict';
import { Observable } from 'rxjs';
import { WatchSubscription } from '../../src/client/watch-subscription.js';
import { type RevisionBatch, type StoreEvent, toBytes } from '../../src/store/index.js';

/** Node passes some 120,000. */
const EVENTS = 300_000;

it('a watch joins fragments of any size', () => {
  const value = { createRevision: 20, modRevision: 20, version: 1, lease: 0n };
  const kv = { key: toBytes('a'), value: toBytes('b'), ...value };
  const event: StoreEvent = { type: 'put', kv };
  const header = { clusterId: 1n, memberId: 2n, revision: 20, raftTerm: 3 };
  const events = Array.from({ length: EVENTS }, () => event);
  const batches: RevisionBatch[] = [];
  new Observable<RevisionBatch>((subscriber) => {
    const subscription = new WatchSubscription({ key: 'a' }, subscriber);
    subscription.receive({ header, watchId: 0, events, fragment: true });
    subscription.receive({ header, watchId: 0, events: [event] });
  }).subscribe((batch) => batches.push(batch));
  assert.deepEqual(
    batches.map((batch) => [batch.revision, batch.events.length]),
    [[20, EVENTS + 1]],
  );
});
