import { type KeyValue, type RevisionBatch, toText } from '../../store/index.js';
import type { RecipeNote } from './history.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import { Tenures } from './tenures.js';

/** `reboot/<group>/slot/<node>` and `reboot/<group>/policy`. */
const SLOT = /^reboot\/([a-zA-Z0-9.-]+)\/slot\/(.+)$/s;
const POLICY = /^reboot\/([a-zA-Z0-9.-]+)\/policy$/;

/** Slots of a group whose policy was never set. */
const SLOTS_MAX_DEFAULT = 1;

/**
 * `K5`: at every revision that gives a slot of a reboot group away, no more are taken than the
 * policy allows; a slot is given once, without a lease; and what clients were told of slots is what
 * was in the store.
 */
export function checkReboots(facts: RecipeFacts, report: Report): void {
  const slots = new Tenures();
  const groups = new Map<string, { max: number; taken: Set<string> }>();
  for (const batch of facts.history.revisions) {
    const granted = new Set<string>();
    for (const { type, kv } of batch.events) {
      const key = keyText(kv.key);
      if (!key.startsWith('reboot/')) continue;
      const policy = POLICY.exec(key)?.[1];
      const [, group, node] = SLOT.exec(key) ?? [];
      const name = policy ?? group;
      if (name === undefined) continue;
      const known = groups.get(name) ?? { max: SLOTS_MAX_DEFAULT, taken: new Set() };
      groups.set(name, known);
      if (policy !== undefined) {
        known.max = type === 'put' ? slotsMax(kv) : SLOTS_MAX_DEFAULT;
      } else if (node !== undefined) {
        if (type === 'put' && !known.taken.has(node)) granted.add(name);
        changeSlot(slots, known.taken, { key, node, type, kv, batch }, facts, report);
      }
    }
    for (const name of granted) {
      const { taken, max } = groups.get(name) ?? { taken: new Set(), max: 0 };
      if (taken.size <= max) continue;
      const nodes = [...taken].join(', ');
      const message = `reboot group ${name}: revision ${batch.revision} gives a slot away, and ${taken.size} of ${max} are taken (${nodes})`;
      report.add('K5', message, facts.timeline.knownByMs(batch.revision));
    }
  }
  for (const note of facts.history.recipes ?? []) {
    if (note.kind === 'slotAcquired') checkAcquired(note, slots, facts, report);
    else if (note.kind === 'slotReleased') checkReleased(note, slots, facts, report);
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
  slots: Tenures,
  taken: Set<string>,
  { key, node, type, kv, batch }: SlotChange,
  { writers }: RecipeFacts,
  report: Report,
): void {
  const { revision } = batch;
  if (type === 'delete') {
    taken.delete(node);
    slots.end(key, revision, writers[revision]);
    return;
  }
  if (kv.lease !== 0n)
    report.add('K5', `slot ${key} was given with a lease in revision ${revision}`);
  if (taken.has(node)) report.add('K5', `slot ${key} was given again in revision ${revision}`);
  else slots.begin(key, { fence: revision, owner: node, lease: kv.lease, from: revision });
  taken.add(node);
}

/** A policy that says nothing clear allows nothing. */
function slotsMax({ value }: KeyValue): number {
  try {
    const policy = JSON.parse(toText(value)) as { readonly max?: unknown } | null;
    const max = policy?.max;
    return typeof max === 'number' && Number.isInteger(max) && max >= 0 ? max : 0;
  } catch {
    // Somebody wrote what is no policy: nothing may be given away until somebody mends it.
    return 0;
  }
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
