import { type KeyValue, toText } from '../../store/index.js';
import { fieldsOf } from './fields-of.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';

const MEMBER = /^.+\/@members\/[^/]+$/s;

/**
 * `K11`: a registration in a group has a lease, and nobody writes over that of another; and when
 * all is well everybody who is in a group is listed, once, and nobody else, unless by a
 * registration of which nobody was told: one that comes very late stays as long as its session.
 */
export function checkMembers({ history }: RecipeFacts, report: Report): void {
  const members = new Map<string, KeyValue>();
  for (const { events } of history.revisions) {
    for (const { type, kv } of events) {
      const key = keyText(kv.key);
      if (!MEMBER.test(key)) continue;
      const before = members.get(key);
      if (type === 'delete') members.delete(key);
      else {
        members.set(key, kv);
        checkRegistration(kv, before, report);
      }
    }
  }
  for (const note of history.recipes ?? []) {
    if (note.kind !== 'listed') continue;
    const listed = note.listed.toSorted().join(', ');
    const wanted = note.wanted.toSorted().join(', ');
    if (listed === wanted) continue;
    const message = `group ${note.group}: ${listed} are listed, and ${wanted} are there`;
    report.add('K11', message, note.atMs);
  }
}

function checkRegistration(kv: KeyValue, before: KeyValue | undefined, report: Report): void {
  const fail = (why: string): void => {
    report.add('K11', `member ${toText(kv.key)}, revision ${kv.modRevision}: ${why}`);
  };
  if (kv.lease === 0n) fail('registered without a lease');
  if (before === undefined) return;
  if (before.lease !== kv.lease) fail('moved to another lease');
  if (fieldsOf(before)['nonce'] !== fieldsOf(kv)['nonce']) fail('written over by another');
}
