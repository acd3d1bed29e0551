import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import { Tenures } from './tenures.js';

const CLOSED = /^(.+)\/@barrier\/closed$/s;

/**
 * `K9`, of a barrier: whoever is let through was so at a revision of its time at which the barrier
 * was open, which is one without its key. The answer has who held it closed, and when.
 */
export function checkBarriers(
  { history, model, births, timeline, writers }: RecipeFacts,
  report: Report,
): Tenures {
  for (const note of history.recipes ?? []) {
    if (note.kind !== 'waited') continue;
    const { name, client, revision, invokedMs, atMs } = note;
    const fail = (why: string): void => {
      const message = `client ${client} passed barrier ${name} at revision ${revision}, ${why}`;
      report.add('K9', message, atMs);
    };
    const floor = timeline.floorAt(invokedMs);
    if (births.earliestMs(revision) > atMs) fail('which did not exist yet');
    else if (revision < floor) fail(`though the store was at ${floor} before it began to wait`);
    else if (model.getAt(`${name}/@barrier/closed`, revision) !== undefined) {
      fail('at which it was closed');
    }
  }
  const tenures = new Tenures();
  for (const { revision, events } of history.revisions) {
    for (const { type, kv } of events) {
      const key = keyText(kv.key);
      const [, name] = CLOSED.exec(key) ?? [];
      if (name === undefined) continue;
      const isNew = type === 'put' && kv.version === 1;
      if (type === 'delete') tenures.end(name, revision, writers[revision]);
      else if (isNew) {
        tenures.begin(name, { fence: revision, owner: key, lease: kv.lease, from: revision });
      }
    }
  }
  return tenures;
}
