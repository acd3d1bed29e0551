import { type RevisionBatch, type StoreEvent, toText } from '../../store/index.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import { shareName } from './share-name.js';
import { Tenures } from './tenures.js';
import type { Writer } from './unclaimed.js';

/** `<name>/@rw/q/<id>`: an entry, and `<name>/@rw/w/<id>`: that it wants to write, or does. */
const KEY = /^(.+)\/@rw\/(q|w)\/(([0-9a-f]+)-[0-9a-f]{16})$/s;

interface Lock {
  /** Fences of the entries, in their order. */
  readonly entries: Map<string, number>;
  /** What was written in each first. */
  readonly values: Map<string, string>;
  readonly writers: Set<string>;
  /** Fences of those who own. */
  owners: ReadonlyMap<string, number>;
}

/**
 * `K7`: the queues of all read/write locks, replayed. A writer owns when it is the oldest, a reader
 * when no writer is older; whoever owns does so until its entry goes, whatever others do, and so no
 * reader can ever own beside a writer. Entries have their own lease, and are what they were at
 * first however often they are written.
 */
export function checkReadWrite({ history, writers }: RecipeFacts, report: Report): Tenures {
  const tenures = new Tenures();
  const locks = new Map<string, Lock>();
  for (const batch of history.revisions) {
    const touched = new Set<string>();
    for (const event of batch.events) {
      const match = KEY.exec(keyText(event.kv.key));
      if (match === null) continue;
      const [, name, part, id, lease] = match as unknown as [
        string,
        string,
        string,
        string,
        string,
      ];
      const lock = locks.get(name) ?? newLock();
      locks.set(name, lock);
      touched.add(name);
      if (part === 'q') changeEntry(lock, id, lease, event, report);
      else if (event.type === 'put') lock.writers.add(id);
      else lock.writers.delete(id);
    }
    for (const name of touched) {
      const lock = locks.get(name);
      if (lock !== undefined) settle(name, lock, tenures, batch, writers[batch.revision], report);
    }
  }
  return tenures;
}

function newLock(): Lock {
  return { entries: new Map(), values: new Map(), writers: new Set(), owners: new Map() };
}

function changeEntry(
  { entries, values }: Lock,
  id: string,
  lease: string,
  { type, kv }: StoreEvent,
  report: Report,
): void {
  if (type === 'delete') {
    entries.delete(id);
    return;
  }
  const fail = (why: string): void => {
    report.add('K7', `read/write entry ${toText(kv.key)}, revision ${kv.modRevision}: ${why}`);
  };
  const value = toText(kv.value);
  if (kv.version === 1) values.set(id, value);
  else if (values.get(id) !== value) fail('written again, and not as it was');
  if (kv.lease.toString(16) !== lease) fail(`attached to lease ${kv.lease.toString(16)}`);
  const isAlone = [...entries.values()].at(-1) !== kv.createRevision;
  if (kv.version === 1 && !isAlone) fail('made in one revision with another');
  entries.set(id, kv.createRevision);
}

/** Who owns after a revision, and who does not any more. */
function settle(
  name: string,
  lock: Lock,
  tenures: Tenures,
  { revision }: RevisionBatch,
  writer: Writer | undefined,
  report: Report,
): void {
  const owners = ownersOf(lock);
  for (const [id, fence] of lock.owners) {
    if (owners.get(id) === fence) continue;
    if (lock.entries.get(id) === fence) {
      const [first] = lock.entries.keys();
      const message = `read/write lock ${name}: revision ${revision} lets another own beside ${id}; first is ${first}`;
      report.add('K7', message);
    }
    tenures.end(shareName(name, fence), revision, writer);
  }
  for (const [id, fence] of owners) {
    if (lock.owners.get(id) === fence) continue;
    const lease = BigInt(`0x${id.slice(0, id.indexOf('-'))}`);
    tenures.begin(shareName(name, fence), { fence, owner: id, lease, from: revision });
  }
  lock.owners = owners;
}

function ownersOf({ entries, writers }: Lock): ReadonlyMap<string, number> {
  const owners = new Map<string, number>();
  let isBehindWriter = false;
  let isFirst = true;
  for (const [id, fence] of entries) {
    const writes = writers.has(id);
    if (writes ? isFirst : !isBehindWriter) owners.set(id, fence);
    isBehindWriter ||= writes;
    isFirst = false;
  }
  return owners;
}
