import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import type { Tenures } from './tenures.js';

/**
 * `K2`: a resource that refuses every fence below the highest it has seen. No action of a former
 * owner may have come through, none of an owner may have been turned away, and every fence must be
 * one that the store gave out.
 */
export function checkFences(
  { history }: RecipeFacts,
  tenures: { readonly lock: Tenures; readonly election: Tenures },
  report: Report,
): void {
  const highest = new Map<string, number>();
  for (const note of history.recipes ?? []) {
    if (note.kind !== 'action') continue;
    const { resource, fence, recipe, name, atMs } = note;
    const before = highest.get(resource) ?? 0;
    const action = `resource ${resource}: an action of client ${note.client} with fence ${fence}`;
    if (tenures[recipe].withFence(name, fence) === undefined) {
      report.add('K2', `${action}, which never owned ${recipe} ${name}`, atMs);
    }
    if (note.accepted && fence < before) {
      report.add('K2', `${action} was accepted after one with ${before}`, atMs);
    } else if (!note.accepted && fence >= before) {
      report.add('K2', `${action} was refused, though the highest was ${before}`, atMs);
    }
    highest.set(resource, Math.max(before, fence));
  }
}
