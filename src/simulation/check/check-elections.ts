import { type KeyValue, type RevisionBatch, toText } from '../../store/index.js';
import type { RecipeNote } from './history.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import { type Tenure, Tenures } from './tenures.js';

const LEADER = '/leader';
/** `<name>/c/<id>`: a candidate. */
const CANDIDATE = /^(.+)\/c\/([0-9a-f]+-[0-9a-f]{16})$/s;
const ID = /^[0-9a-f]+-[0-9a-f]{16}$/;

/**
 * `K4`, in the store: a leader is made only while there is none, out of the first candidate in
 * line, or out of any candidate when the leader hands over; under that candidate's lease; and
 * whoever removes or replaces a leader removes that leader's candidate with it, so nobody resigns
 * for another.
 */
export function checkElections({ history, writers }: RecipeFacts, report: Report): Tenures {
  const tenures = new Tenures();
  const lines = new Map<string, Map<string, KeyValue>>();
  for (const batch of history.revisions) {
    updateLines(lines, batch);
    for (const { type, kv } of batch.events) {
      const key = keyText(kv.key);
      if (!key.endsWith(LEADER)) continue;
      const name = key.slice(0, -LEADER.length);
      const line = lines.get(name) ?? new Map<string, KeyValue>();
      const current = tenures.current(name);
      if (type === 'put') {
        const id = toText(kv.value);
        if (!ID.test(id)) continue;
        checkLeader({ name, id, kv, before: current }, line, report);
        tenures.end(name, batch.revision, writers[batch.revision]);
        const terms = { fence: kv.modRevision, owner: id, lease: kv.lease, from: batch.revision };
        tenures.begin(name, terms);
      } else if (current !== undefined) {
        tenures.end(name, batch.revision, writers[batch.revision]);
        if (!line.has(current.owner)) continue;
        const message = `election ${name}: revision ${batch.revision} removes leader ${current.owner}, whose candidate stays`;
        report.add('K4', message);
      }
    }
  }
  return tenures;
}

function updateLines(lines: Map<string, Map<string, KeyValue>>, { events }: RevisionBatch): void {
  for (const { type, kv } of events) {
    const match = CANDIDATE.exec(keyText(kv.key));
    if (match === null) continue;
    const [, name, id] = match as unknown as [string, string, string];
    const line = lines.get(name) ?? new Map<string, KeyValue>();
    lines.set(name, line);
    if (type === 'put') line.set(id, kv);
    else line.delete(id);
  }
}

/** A leader that was made, and whom it replaces. */
interface Made {
  readonly name: string;
  readonly id: string;
  readonly kv: KeyValue;
  readonly before: Tenure | undefined;
}

function checkLeader(
  { name, id, kv, before }: Made,
  line: ReadonlyMap<string, KeyValue>,
  report: Report,
): void {
  const fail = (why: string): void => {
    report.add('K4', `election ${name}: leader ${id} of revision ${kv.modRevision} ${why}`);
  };
  const candidate = line.get(id);
  const [first] = line.keys();
  const isMoved = before !== undefined && before.owner !== id && !line.has(before.owner);
  if (kv.version > 1 && !isMoved) fail('was made while there was one');
  if (candidate === undefined) fail('is no candidate');
  else {
    if (candidate.lease !== kv.lease) fail('has another lease than its candidate');
    if (kv.version === 1 && first !== id) fail(`came before ${first}`);
  }
}

/** `K4`, as observers see it: real leaders only, each once, in order. */
export function checkObservers(facts: RecipeFacts, leaders: Tenures, report: Report): void {
  const last = new Map<string, { term: number; id: string; gone: boolean }>();
  for (const note of facts.history.recipes ?? []) {
    if (note.kind !== 'observed') continue;
    const place = `${note.observer} ${note.name}`;
    const before = last.get(place);
    const { leader } = note;
    if (leader === undefined) {
      if (before !== undefined) before.gone = true;
      continue;
    }
    checkObserved(facts, note, leaders, report);
    const fail = (why: string): void => {
      const message = `observer ${note.observer} of election ${note.name} saw term ${leader.term} ${why}`;
      report.add('K4', message, note.atMs);
    };
    if (before !== undefined && leader.term < before.term) fail(`after ${before.term}`);
    if (before?.term === leader.term && before.id !== leader.id) fail('with two leaders');
    if (before?.term === leader.term && before.gone) fail('after it had gone');
    last.set(place, { term: leader.term, id: leader.id, gone: false });
  }
}

function checkObserved(
  facts: RecipeFacts,
  note: Extract<RecipeNote, { kind: 'observed' }>,
  leaders: Tenures,
  report: Report,
): void {
  const { leader, name, atMs } = note;
  if (leader === undefined) return;
  const fail = (why: string): void => {
    const who = `observer ${note.observer} of election ${name}`;
    report.add('K4', `${who} saw leader ${leader.id} of term ${leader.term} ${why}`, atMs);
  };
  const tenure = leaders.withFence(name, leader.term);
  if (tenure?.owner !== leader.id) fail('that never led');
  else if (facts.births.earliestMs(leader.term) > atMs) fail('before it led');
  else if (leader.value !== '' && !facts.model.hadValue(`${name}/c/${leader.id}`, leader.value)) {
    fail(`with the value ${JSON.stringify(leader.value)}, which it never proclaimed`);
  }
}
