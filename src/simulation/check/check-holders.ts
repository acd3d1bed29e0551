import type { RecipeNote } from './history.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import type { Tenure, Tenures } from './tenures.js';

/** What a client believed. */
export type Held = Extract<RecipeNote, { kind: 'held' }>;

/**
 * `K3`: what clients believed. Nobody takes itself for the owner who never was, or before it was,
 * or after everybody else can know that it is not; and no two do at the same true time. A hold that
 * somebody else deleted by force ends when its owner hears of it, so that one is let off.
 */
export function checkHolders(
  facts: RecipeFacts,
  recipe: Held['recipe'],
  tenures: Tenures,
  report: Report,
): void {
  const byName = new Map<string, Held[]>();
  for (const note of facts.history.recipes ?? []) {
    if (note.kind !== 'held' || note.recipe !== recipe) continue;
    const notes = byName.get(note.name);
    if (notes === undefined) byName.set(note.name, [note]);
    else notes.push(note);
  }
  for (const [name, notes] of byName) {
    for (const note of notes) checkHeld(facts, note, tenures.withFence(name, note.fence), report);
    const inOrder = notes.toSorted((a, b) => a.fence - b.fence);
    // The owner with the latest end so far: an overlap need not be with a neighbour.
    let last: Held | undefined;
    for (const note of inOrder) {
      if (last !== undefined) checkPair(last, note, report);
      const tenure = tenures.withFence(name, note.fence);
      if (tenure !== undefined && isForced(tenure, note)) continue;
      if (last === undefined || note.untilMs >= last.untilMs) last = note;
    }
  }
}

/** One belief against what was owned: `tenure`, if its owner ever was. */
export function checkHeld(
  { births, timeline }: RecipeFacts,
  note: Held,
  tenure: Tenure | undefined,
  report: Report,
): void {
  const fail = (why: string): void => report.add('K3', `${shown(note)} ${why}`, note.untilMs);
  if (tenure === undefined) return fail('which never owned it');
  const earliestMs = births.earliestMs(tenure.from);
  if (note.fromMs < earliestMs) fail(`from ${note.fromMs} ms, and could own it from ${earliestMs}`);
  if (tenure.to === undefined || isForced(tenure, note)) return undefined;
  const knownMs = timeline.knownByMs(tenure.to);
  if (note.untilMs > knownMs) {
    fail(`until ${note.untilMs} ms, though it had ended in revision ${tenure.to} by ${knownMs}`);
  }
  return undefined;
}

/** The later fence must begin after the earlier one has ended, in every client's own eyes. */
function checkPair(before: Held, after: Held, report: Report): void {
  if (before.fence === after.fence && before.client === after.client) return;
  if (before.fence !== after.fence && before.untilMs <= after.fromMs) return;
  const message = `${shown(after)} from ${after.fromMs} ms, while ${shown(before)} until ${before.untilMs} ms`;
  report.add('K3', message, after.fromMs);
}

function isForced({ endedBy }: Tenure, { client }: Held): boolean {
  return endedBy?.kind === 'operation' && endedBy.operation.client !== client;
}

export function shown({ client, recipe, name, fence }: Held): string {
  return `client ${client} held ${recipe} ${name} with fence ${fence}`;
}
