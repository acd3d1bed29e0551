import { type KeyValue, type StoreEvent, toText } from '../../store/index.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import { Tenures } from './tenures.js';

/** `<name>/q/<lease in hex>-<nonce>`: an entry in the queue of a lock. */
const ENTRY = /^(.+)\/q\/([0-9a-f]+)-[0-9a-f]{16}$/s;

/**
 * `K1`: the queues of all locks, replayed. The owner is the entry with the smallest create
 * revision; entries are written once, by their own lease, one a revision, and so every owner has a
 * higher fence than the one before it.
 */
export function checkLocks({ history, writers }: RecipeFacts, report: Report): Tenures {
  const tenures = new Tenures();
  const queues = new Map<string, Map<string, KeyValue>>();
  for (const { revision, events } of history.revisions) {
    const touched = new Set<string>();
    for (const event of events) {
      const match = ENTRY.exec(keyText(event.kv.key));
      if (match === null) continue;
      const [key, name, lease] = match as unknown as [string, string, string];
      const queue = queues.get(name) ?? new Map<string, KeyValue>();
      queues.set(name, queue);
      if (event.type === 'put') checkEntry(event, lease, [...queue.values()].at(-1), report);
      if (event.type === 'delete') queue.delete(key);
      else queue.set(key, event.kv);
      touched.add(name);
    }
    for (const name of touched) {
      const [head] = queues.get(name)?.values() ?? [];
      const current = tenures.current(name);
      if (head !== undefined && head.createRevision === current?.fence) continue;
      tenures.end(name, revision, writers[revision]);
      if (head === undefined) continue;
      const before = tenures.of(name).at(-1)?.fence ?? 0;
      const fence = head.createRevision;
      if (fence <= before) {
        report.add(
          'K1',
          `lock ${name}: fence ${fence} owns after ${before}, in revision ${revision}`,
        );
      }
      const owner = toText(head.key);
      tenures.begin(name, { fence, owner, lease: head.lease, from: revision });
    }
  }
  return tenures;
}

function checkEntry(
  { kv }: StoreEvent,
  lease: string,
  last: KeyValue | undefined,
  report: Report,
): void {
  const fail = (why: string): void => {
    report.add('K1', `lock entry ${toText(kv.key)}, revision ${kv.modRevision}: ${why}`);
  };
  // That of a read/write lock is, as it was, when its kind changes: see `K7`.
  const isReadWrite = toText(kv.key).includes('/@rw/q/');
  if (kv.version > 1 && !isReadWrite) fail('written again while it was in the queue');
  if (kv.lease.toString(16) !== lease) fail(`attached to lease ${kv.lease.toString(16)}`);
  if (last?.createRevision === kv.createRevision && kv.version === 1) {
    fail(`made in one revision with ${toText(last.key)}, so that both may own`);
  }
}
