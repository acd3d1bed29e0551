import { checkHeld, type Held, shown } from './check-holders.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import { shareName } from './share-name.js';
import type { Tenures } from './tenures.js';

/**
 * `K3` where several may hold at once: nobody believes to hold what it was not given, not yet, or
 * not any more; and nobody reads or writes while somebody else believes to write.
 */
export function checkSharers(
  facts: RecipeFacts,
  recipes: readonly Held['recipe'][],
  tenures: Tenures,
  report: Report,
): void {
  const byName = new Map<string, Held[]>();
  for (const note of facts.history.recipes ?? []) {
    if (note.kind !== 'held' || !recipes.includes(note.recipe)) continue;
    checkHeld(facts, note, tenures.withFence(shareName(note.name, note.fence), note.fence), report);
    const notes = byName.get(note.name);
    if (notes === undefined) byName.set(note.name, [note]);
    else notes.push(note);
  }
  for (const notes of byName.values()) checkExclusion(notes, report);
}

/** In the order of beginning, each against whoever stays longest of those it does not go with. */
function checkExclusion(notes: readonly Held[], report: Report): void {
  let reader: Held | undefined;
  let writer: Held | undefined;
  for (const note of notes.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const isWriter = note.recipe === 'write';
    if (writer !== undefined) checkApart(writer, note, report);
    if (isWriter && reader !== undefined) checkApart(reader, note, report);
    if (isWriter) writer = longer(writer, note);
    if (note.recipe === 'read') reader = longer(reader, note);
  }
}

function longer(a: Held | undefined, b: Held): Held {
  return a === undefined || b.untilMs >= a.untilMs ? b : a;
}

function checkApart(before: Held, after: Held, report: Report): void {
  if (before.untilMs <= after.fromMs) return;
  if (before.fence === after.fence && before.client === after.client) return;
  const message = `${shown(after)} from ${after.fromMs} ms, while ${shown(before)} until ${before.untilMs} ms`;
  report.add('K3', message, after.fromMs);
}
