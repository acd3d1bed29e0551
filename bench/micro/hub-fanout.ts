// What the watch hub delivers in a second, with consumers that take at once: one event a revision,
// to watchers of different keys (one of them sees it) and of one shared prefix (all of them see
// it).
// Run: node build/bench/micro/hub-fanout.js
import { performance } from 'node:perf_hooks';
import type { History } from '../../src/kernel/watch/history.js';
import { WatchHub } from '../../src/kernel/watch/hub.js';
import { prefix, type RevisionBatch, toBytes, type WatchRequest } from '../../src/store/index.js';

const WATCHER_COUNTS = [1, 1000, 10_000];
const MEASURED_MS = 1000;
const VALUE = new Uint8Array(256);

/** Nobody falls behind here, so nobody reads. */
class NoHistory implements History {
  revision = 1;
  readonly compactRevision = -1;

  history(): readonly RevisionBatch[] {
    throw new Error('a watcher fell behind');
  }

  previous(): undefined {
    return undefined;
  }
}

function keyOf(index: number): string {
  return `/registry/pods/namespace-${index % 100}/pod-${index}`;
}

function measure(name: string, watcherCount: number, request: (i: number) => WatchRequest): void {
  const history = new NoHistory();
  const hub = new WatchHub({ history, wake: () => undefined });
  let delivered = 0;
  for (let i = 0; i < watcherCount; i++) {
    const cursor = hub.open(request(i));
    cursor.onReady = () => {
      for (const batch of cursor.take(128)) delivered += batch.events.length;
    };
  }
  const keys = Array.from({ length: watcherCount }, (_, i) => toBytes(keyOf(i)));
  let published = 0;
  const publish = (): void => {
    const revision = ++history.revision;
    const key = keys[published % watcherCount] as Uint8Array;
    const kv = {
      key,
      value: VALUE,
      createRevision: revision,
      modRevision: revision,
      version: 1,
      lease: 0n,
    };
    hub.publish({ revision, events: [{ type: 'put', kv }] });
    hub.notify();
    published++;
  };
  for (let i = 0; i < 100; i++) publish();
  published = 0;
  delivered = 0;
  const start = performance.now();
  while (performance.now() - start < MEASURED_MS) for (let i = 0; i < 10; i++) publish();
  const seconds = (performance.now() - start) / 1000;
  const line = [
    `hub ${name}, ${watcherCount} watchers:`,
    `${Math.round(delivered / seconds)} events delivered/s,`,
    `${Math.round(published / seconds)} revisions/s`,
  ];
  process.stdout.write(`${line.join(' ')}\n`);
}

for (const count of WATCHER_COUNTS) {
  measure('distinct keys', count, (i) => ({ key: keyOf(i) }));
  measure('distinct prefixes', count, (i) => prefix(keyOf(i)));
  measure('one prefix', count, () => prefix('/registry/pods/'));
}
