import { type KeyValue, type RevisionBatch, toText } from '../../store/index.js';
import type { RecipeNote } from './history.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import { Tenures } from './tenures.js';

/** The keys of a group that matter here: the policy, and what comes by node or by number. */
const KEY = /^reboot\/([a-zA-Z0-9.-]+)\/(policy|slot|due|node|log)(?:\/(.+))?$/s;

/** A group whose policy was never set. */
const SLOTS_MAX_DEFAULT = 1;
const FAILURE_BUDGET_DEFAULT = 0;

/** What a slot says of itself; a field that is missing says nothing. */
interface Slot {
  readonly phase?: unknown;
  readonly dueSeconds?: unknown;
  readonly bootId?: unknown;
}

interface Group {
  max: (nodes: number) => number;
  failureBudget: number;
  readonly slots: Map<string, Slot>;
  /** Nodes whose clock runs. */
  readonly dues: Set<string>;
  readonly nodes: Set<string>;
}

/**
 * `K5`: at every revision that gives a slot of a reboot group away, no more are taken than the
 * policy allows, and no more nodes are stuck than its budget; a slot is given once, without a
 * lease; and what clients were told of slots is what was in the store.
 */
export function checkReboots(facts: RecipeFacts, report: Report): void {
  const tenures = new Tenures();
  const groups = new Map<string, Group>();
  for (const batch of facts.history.revisions) {
    const granted = new Set<string>();
    const forced = new Set<string>();
    for (const { type, kv } of batch.events) {
      const key = keyText(kv.key);
      const [, name, part, node = ''] = KEY.exec(key) ?? [];
      if (name === undefined) continue;
      const group = groups.get(name) ?? newGroup();
      groups.set(name, group);
      if (part === 'slot') {
        const isNew = !group.slots.has(node);
        if (type === 'put' && isNew) granted.add(name);
        changeSlot(tenures, group.slots, { key, node, type, kv, batch }, facts, report);
      } else if (part === 'log') {
        if (type === 'put' && fieldsOf(kv)['kind'] === 'forced') forced.add(name);
      } else change(group, part, node, type === 'put' ? kv : undefined);
    }
    for (const name of granted) {
      const group = groups.get(name);
      if (group === undefined || forced.has(name)) continue;
      checkGrant(name, group, batch.revision, facts, report);
    }
  }
  for (const note of facts.history.recipes ?? []) {
    if (note.kind === 'slotAcquired') checkAcquired(note, tenures, facts, report);
    else if (note.kind === 'slotReleased') checkReleased(note, tenures, facts, report);
  }
}

function newGroup(): Group {
  return {
    max: () => SLOTS_MAX_DEFAULT,
    failureBudget: FAILURE_BUDGET_DEFAULT,
    slots: new Map(),
    dues: new Set(),
    nodes: new Set(),
  };
}

/** Everything but slots; `kv` is undefined when the key goes. */
function change(
  group: Group,
  part: string | undefined,
  node: string,
  kv: KeyValue | undefined,
): void {
  if (part === 'policy') {
    const { max = kv === undefined ? SLOTS_MAX_DEFAULT : undefined, failureBudget } =
      kv === undefined ? {} : fieldsOf(kv);
    group.max = (nodes) => slotsMax(max, nodes);
    group.failureBudget = typeof failureBudget === 'number' ? failureBudget : 0;
    return;
  }
  const set = part === 'due' ? group.dues : group.nodes;
  if (kv === undefined) set.delete(node);
  else set.add(node);
}

/** A slot whose time is up is stuck, and counts against the budget instead of the limit. */
function checkGrant(
  name: string,
  { max, failureBudget, slots, dues, nodes }: Group,
  revision: number,
  { timeline }: RecipeFacts,
  report: Report,
): void {
  const isUp = ([node, { dueSeconds }]: readonly [string, Slot]): boolean =>
    typeof dueSeconds === 'number' && dueSeconds > 0 && !dues.has(node);
  const all = [...slots];
  const late = all.filter((slot) => slot[1].phase === 'stuck' || isUp(slot));
  const taken = all.filter((slot) => !late.includes(slot)).map(([node]) => node);
  const stuck = late.filter(([, { phase }]) => phase !== 'soaking').map(([node]) => node);
  const allowed = max(nodes.size);
  const at = `reboot group ${name}: revision ${revision} gives a slot away`;
  if (taken.length > allowed) {
    const message = `${at}, and ${taken.length} of ${allowed} are taken (${taken.join(', ')})`;
    report.add('K5', message, timeline.knownByMs(revision));
  }
  if (stuck.length > failureBudget) {
    const message = `${at}, and ${stuck.length} are stuck (${stuck.join(', ')}) of ${failureBudget} that may be`;
    report.add('K5', message, timeline.knownByMs(revision));
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

/** A policy that says nothing clear allows nothing. */
function slotsMax(max: unknown, nodes: number): number {
  if (typeof max === 'string' && /^\d+%$/.test(max)) {
    return Math.max(1, Math.floor((Number.parseInt(max, 10) * nodes) / 100));
  }
  return typeof max === 'number' && Number.isInteger(max) && max >= 0 ? max : 0;
}

/** The fields of a value; what is no object has none. */
function fieldsOf({ value }: KeyValue): { readonly [field: string]: unknown } {
  try {
    const fields = JSON.parse(toText(value)) as { readonly [field: string]: unknown } | null;
    return typeof fields === 'object' && fields !== null ? fields : {};
  } catch {
    // Somebody wrote what is no policy: nothing may be given away until somebody mends it.
    return {};
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
