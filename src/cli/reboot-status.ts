import type { RebootNote, RebootStatus } from '../recipes/index.js';
import type { JsonRecord, JsonValue } from './json-record.js';
import { sinceText } from './since-text.js';

/** A reboot group in JSON. */
export function statusRecord(status: RebootStatus): JsonRecord {
  const { group, revision, max, draining, holders, queue } = status;
  return {
    group,
    revision,
    max,
    draining,
    holders: holders.map((holder) => ({
      node: holder.node,
      revision: holder.revision,
      ...noteRecord(holder),
    })),
    queue: queue.map((waiter) => ({
      node: waiter.node,
      position: waiter.position,
      ...noteRecord(waiter),
    })),
  };
}

/** A reboot group for a person. */
export function statusLines(status: RebootStatus): readonly string[] {
  const { group, max, draining, holders, queue } = status;
  const drains = draining ? ', draining: nothing is granted until it is below' : '';
  return [
    `group ${group}: ${holders.length} of ${max} taken, ${queue.length} waiting${drains}`,
    ...holders.map((holder) => `  may reboot  ${describe(holder.node, holder)}`),
    ...queue.map((waiter) => `  waits ${waiter.position + 1}.    ${describe(waiter.node, waiter)}`),
  ];
}

/** One machine for a person: who, since when, why, and who asked if it was somebody else. */
export function describe(node: string, note: RebootNote): string {
  const reason = note.reason === '' ? '' : `, ${note.reason}`;
  const by = note.by === '' || note.by === node ? '' : ` (by ${note.by})`;
  return `${node}${sinceText(note.sinceMs)}${reason}${by}`;
}

function noteRecord(note: RebootNote): { readonly [name: string]: JsonValue } {
  const { sinceMs, by, reason, bootId } = note;
  return { sinceMs: sinceMs ?? null, by, reason, bootId };
}
