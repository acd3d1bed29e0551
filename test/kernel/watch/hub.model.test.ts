// Proves W1 to W8 of a watch hub: whatever the history, the ranges, the filters, the start
// revisions, the sizes of buffers, the pace of consumers and the compactions, every watcher is
// given exactly the filtered slice of history from its start on, a revision at a time and whole, or
// ends with the compact revision after a correct beginning of it. Consumers take only when they
// were called, so a missing call shows as a watcher that never arrives.
import assert from 'node:assert/strict';
import type { WatchCursor } from '../../../src/kernel/watch/cursor.js';
import { WatchHub } from '../../../src/kernel/watch/hub.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';
import {
  type RevisionBatch,
  type StoreEvent,
  type WatchRequest,
} from '../../../src/store/index.js';
import { inRange, toKeyText } from '../../../src/simulation/model/model-keys.js';
import { type Change, MemoryHistory } from './memory-history.js';
import { forSeeds } from './seeds.js';

const KEYS = ['a', 'b', 'ba', 'bb', 'bc', 'c', 'd', 'da'];

/** Every key with its value, and the pair before it. */
const BATCH_BYTES_MAX = KEYS.length * 2 * 'bb'.length * 2;

interface Watcher {
  readonly request: WatchRequest;
  readonly start: number;
  readonly cursor: WatchCursor;
  readonly taken: RevisionBatch[];
  called: boolean;
  position: number;
}

class World {
  readonly history = new MemoryHistory();
  readonly unpublished: RevisionBatch[] = [];
  readonly hub: WatchHub;
  readonly watchers: Watcher[] = [];
  readonly #random: SimRandom;
  readonly #bufferBatches: number;
  readonly #bufferBytes: number;
  compactionsSeen = 0;
  awake = false;

  constructor(random: SimRandom) {
    this.#random = random;
    this.#bufferBatches = 1 + random.below(3);
    this.#bufferBytes = 1 + random.below(random.below(2) === 0 ? 10 : 1000);
    this.hub = new WatchHub({
      history: this.history,
      bufferBatches: this.#bufferBatches,
      bufferBytes: this.#bufferBytes,
      recentRevisions: random.below(8),
      sliceRevisions: 1 + random.below(6),
      wake: () => {
        this.awake = true;
      },
    });
  }

  step(): void {
    const dice = this.#random.below(100);
    if (dice < 30) this.apply();
    else if (dice < 60) this.publish();
    else if (dice < 68) this.open();
    else if (dice < 78) this.notify();
    else if (dice < 95) this.consume();
    else if (dice < 97) this.compact();
    else if (dice < 98) this.install();
    else this.close();
    this.check();
  }

  apply(): void {
    const keys = KEYS.filter(() => this.#random.below(6) === 0);
    if (keys.length === 0) keys.push(KEYS[this.#random.below(KEYS.length)] as string);
    const changes = keys.map((key): Change => [key, this.#random.below(3) === 0 ? null : 'v']);
    this.unpublished.push(this.history.apply(...changes));
  }

  publish(): void {
    const batch = this.unpublished.shift();
    if (batch !== undefined) this.hub.publish(batch);
  }

  /** A snapshot: revisions appear without being published, and history may begin later. */
  install(): void {
    for (let i = this.#random.below(4); i > 0; i--) this.apply();
    this.unpublished.length = 0;
    if (this.#random.below(2) === 0) this.history.compact(this.history.revision);
    this.hub.historyReplaced();
  }

  compact(): void {
    const { compactRevision, revision } = this.history;
    const target =
      Math.max(1, compactRevision) + this.#random.below(revision - compactRevision + 1);
    if (target <= compactRevision || target > revision) return;
    this.history.compact(target);
    if (this.#random.below(4) > 0) this.hub.compacted(target);
  }

  open(): void {
    const random = this.#random;
    const key = KEYS[random.below(KEYS.length)] as string;
    const later = KEYS.filter((other) => other > key);
    const ends = [
      undefined,
      undefined,
      '\0',
      `${key}\0`,
      `${key}z`,
      later[random.below(KEYS.length)],
    ];
    const rangeEnd = ends[random.below(ends.length)];
    const { revision } = this.history;
    const startRevision = [0, 0, 1 + random.below(revision), revision, revision + random.below(4)][
      random.below(5)
    ] as number;
    const request: WatchRequest = {
      key,
      ...(rangeEnd === undefined ? {} : { rangeEnd }),
      startRevision,
      noPut: random.below(5) === 0,
      noDelete: random.below(5) === 0,
      prevKv: random.below(3) === 0,
    };
    const cursor = this.hub.open(request);
    const start = startRevision === 0 ? revision + 1 : startRevision;
    if (start < this.history.compactRevision) assert.notEqual(cursor.compactRevision, undefined);
    else assert.equal(cursor.compactRevision, undefined);
    const watcher = { request, start, cursor, taken: [], called: false, position: cursor.position };
    cursor.onReady = () => {
      assert.equal(watcher.called, false, 'called twice without a take');
      watcher.called = true;
    };
    this.watchers.push(watcher);
  }

  notify(): void {
    this.awake = false;
    this.hub.notify();
  }

  consume(): void {
    const called = this.watchers.filter((watcher) => watcher.called);
    const watcher = called[this.#random.below(Math.max(1, called.length))];
    if (watcher !== undefined) this.take(watcher, 1 + this.#random.below(4));
  }

  take(watcher: Watcher, limit: number): void {
    watcher.called = false;
    const batches = watcher.cursor.take(limit);
    assert.ok(batches.length <= limit);
    watcher.taken.push(...batches);
    assert.equal(watcher.called, false, 'called from inside take');
  }

  close(): void {
    const index = this.#random.below(Math.max(1, this.watchers.length));
    const [watcher] = this.watchers.splice(index, 1);
    watcher?.cursor.close();
  }

  /** Everybody who is called takes, until nobody is called. */
  settle(): void {
    while (this.unpublished.length > 0) this.publish();
    for (let round = 0; this.awake || this.watchers.some(({ called }) => called); round++) {
      assert.ok(round < 10_000, 'the watchers never come to rest');
      if (this.awake) this.notify();
      for (const watcher of this.watchers) if (watcher.called) this.take(watcher, 2);
    }
    this.check();
    for (const { cursor } of this.watchers) {
      if (cursor.compactRevision !== undefined) this.compactionsSeen++;
      else assert.equal(cursor.synced, true, 'a watcher that never arrived');
    }
    assert.equal(this.hub.slowWatcherCount, 0);
    assert.equal(this.hub.pendingBatchCount, 0);
    assert.equal(this.hub.pendingByteCount, 0);
  }

  check(): void {
    for (const watcher of this.watchers) this.#checkWatcher(watcher);
    assert.ok(this.hub.pendingBatchCount <= this.watchers.length * this.#bufferBatches);
    const bytesMax = this.watchers.length * Math.max(this.#bufferBytes, BATCH_BYTES_MAX);
    assert.ok(this.hub.pendingByteCount <= bytesMax);
  }

  #checkWatcher(watcher: Watcher): void {
    const { cursor, start, taken } = watcher;
    const { revision } = this.history;
    assert.ok(cursor.position >= watcher.position, 'position went back');
    watcher.position = cursor.position;
    assert.ok(cursor.position <= revision, 'position in the future');
    // What is promised up to the position was taken, and nothing beyond it.
    const due = this.history.all().filter((batch) => batch.revision <= cursor.position);
    const expected = due
      .filter((batch) => batch.revision >= start)
      .flatMap((b) => this.#seen(watcher, b));
    assert.deepEqual(
      taken.map(({ revision: r, events }) => [r, events.map(({ type, kv }) => [type, kv])]),
      expected.map(({ revision: r, events }) => [r, events.map(({ type, kv }) => [type, kv])]),
    );
    for (const { events } of taken) for (const event of events) this.#checkPrevious(watcher, event);
    if (cursor.synced) assert.equal(cursor.position, revision);
    const lostAt = cursor.compactRevision;
    if (lostAt === undefined) return;
    assert.equal(cursor.synced, false);
    assert.ok(lostAt <= this.history.compactRevision);
    assert.ok(Math.max(cursor.position + 1, start) < lostAt, 'ended though nothing was lost');
  }

  #seen({ request }: Watcher, batch: RevisionBatch): RevisionBatch[] {
    const events = batch.events
      .filter((event) => inRange(toKeyText(event.kv.key), request))
      .filter((event) => !(request.noPut === true && event.type === 'put'))
      .filter((event) => !(request.noDelete === true && event.type === 'delete'));
    return events.length === 0 ? [] : [{ revision: batch.revision, events }];
  }

  #checkPrevious({ request }: Watcher, event: StoreEvent): void {
    const expected = this.history.before(event.kv.key, event.kv.modRevision);
    if (event.prevKv !== undefined) {
      assert.equal(request.prevKv, true);
      assert.deepEqual(event.prevKv, expected);
    } else if (request.prevKv === true && expected !== undefined) {
      assert.ok(event.kv.modRevision - 1 < this.history.compactRevision, 'no previous pair');
    }
  }
}

describe('WatchHub against its model', () => {
  it('gives every watcher its slice of history, or says that it cannot', () => {
    let compactionsSeen = 0;
    let taken = 0;
    forSeeds(60, (random) => {
      const world = new World(random);
      for (let step = 0; step < 250; step++) world.step();
      world.settle();
      compactionsSeen += world.compactionsSeen;
      for (const watcher of world.watchers) taken += watcher.taken.length;
    });
    if (process.env['TIDELOCK_SEED'] !== undefined) return;
    assert.ok(compactionsSeen > 20, `only ${compactionsSeen} watchers were overtaken`);
    assert.ok(taken > 1500, `only ${taken} batches were taken`);
  });
});
