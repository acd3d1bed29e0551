import type { KeyValue, RevisionBatch } from '../../store/index.js';
import { fieldsOf } from './fields-of.js';
import type { RecipeNote } from './history.js';
import { keyText } from './key-text.js';
import { RebootGroup, type Slot } from './reboot-group.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import { Tenures } from './tenures.js';

/** The keys of a group that matter here: the policy, and what comes by node, id or number. */
const KEY = /^reboot\/([a-zA-Z0-9.-]+)\/(policy|slot|due|cooldown|hold|node|log)(?:\/(.+))?$/s;

/**
 * `K5`: at every revision that gives a slot of a reboot group away, no more are taken than the
 * policy allows, no more nodes are stuck than its budget, nothing is paused or held or cools down,
 * and zones are kept; a slot is given once, without a lease; and what clients were told of slots is
 * what was in the store.
 */
export function checkReboots(facts: RecipeFacts, report: Report): void {
  const tenures = new Tenures();
  const groups = new Map<string, RebootGroup>();
  for (const batch of facts.history.revisions) {
    const granted: (readonly [group: string, node: string])[] = [];
    const forced = new Set<string>();
    for (const { type, kv } of batch.events) {
      const key = keyText(kv.key);
      const [, name, part, node = ''] = KEY.exec(key) ?? [];
      if (name === undefined) continue;
      const group = groups.get(name) ?? new RebootGroup();
      groups.set(name, group);
      if (part === 'slot') {
        const isNew = !group.slots.has(node);
        if (type === 'put' && isNew) granted.push([name, node]);
        changeSlot(tenures, group.slots, { key, node, type, kv, batch }, facts, report);
      } else if (part === 'log') {
        if (type === 'put' && fieldsOf(kv)['kind'] === 'forced') forced.add(name);
      } else group.change(part, node, type === 'put' ? kv : undefined);
    }
    for (const [name, node] of granted) {
      if (forced.has(name)) continue;
      const { revision } = batch;
      for (const why of groups.get(name)?.whyNot(node) ?? []) {
        const message = `reboot group ${name}: revision ${revision} gives ${node} a slot, and ${why}`;
        report.add('K5', message, facts.timeline.knownByMs(revision));
      }
    }
  }
  for (const note of facts.history.recipes ?? []) {
    if (note.kind === 'slotAcquired') checkAcquired(note, tenures, facts, report);
    else if (note.kind === 'slotReleased') checkReleased(note, tenures, facts, report);
  }
}

interface SlotChange {
  readonly key: string;
  readonly node: string;
  readonly type: 'put' | 'delete';
  readonly kv: KeyValue;
  readonly batch: RevisionBatch;
}

function changeSlot(
  tenures: Tenures,
  slots: Map<string, Slot>,
  { key, node, type, kv, batch }: SlotChange,
  { writers }: RecipeFacts,
  report: Report,
): void {
  const { revision } = batch;
  if (type === 'delete') {
    slots.delete(node);
    tenures.end(key, revision, writers[revision]);
    return;
  }
  if (kv.lease !== 0n)
    report.add('K5', `slot ${key} was given with a lease in revision ${revision}`);
  const before = slots.get(node);
  const slot: Slot = fieldsOf(kv);
  if (before === undefined) {
    tenures.begin(key, { fence: revision, owner: node, lease: kv.lease, from: revision });
  } else if (before.phase === slot.phase && before.bootId === slot.bootId) {
    report.add('K5', `slot ${key} was given again in revision ${revision}`);
  }
  slots.set(node, slot);
}

function checkAcquired(
  note: Extract<RecipeNote, { kind: 'slotAcquired' }>,
  slots: Tenures,
  { timeline, births }: RecipeFacts,
  report: Report,
): void {
  const fail = (why: string): void => {
    const who = `node ${note.node} of group ${note.group}`;
    report.add('K5', `${who} was told of a slot of revision ${note.revision}, ${why}`, note.atMs);
  };
  const tenure = slots.withFence(`reboot/${note.group}/slot/${note.node}`, note.revision);
  if (tenure === undefined) return fail('which was never given');
  if (births.earliestMs(tenure.from) > note.atMs) fail('which was not given yet');
  if (tenure.to !== undefined && timeline.knownByMs(tenure.to) < note.invokedMs) {
    fail(`which had ended in revision ${tenure.to}`);
  }
  return undefined;
}

function checkReleased(
  note: Extract<RecipeNote, { kind: 'slotReleased' }>,
  slots: Tenures,
  { timeline, births }: RecipeFacts,
  report: Report,
): void {
  const { group, node, invokedMs, atMs } = note;
  const tenures = slots.of(`reboot/${group}/slot/${node}`);
  const ended = tenures.some(
    ({ to }) =>
      to !== undefined && births.earliestMs(to) <= atMs && timeline.knownByMs(to) >= invokedMs,
  );
  const stayed = tenures.some(
    ({ from, to }) =>
      timeline.knownByMs(from) < invokedMs && (to === undefined || births.earliestMs(to) > atMs),
  );
  const who = `node ${node} of group ${group}`;
  if (note.released && !ended) {
    report.add('K5', `${who} was told that its slot was released, but none was`, atMs);
  } else if (stayed) {
    const what = note.released ? 'its slot was released' : 'it had no slot';
    report.add('K5', `${who} was told that ${what}, but the slot stays`, atMs);
  }
}
