import type { World } from '../scenario/world.js';

/** The highest revision that a member has compacted at: where the past begins; at least 1. */
export function compactedTo(world: World): number {
  let revision = 1;
  for (const { kernel } of world.serving) {
    try {
      revision = Math.max(revision, kernel?.status().compactRevision ?? 1);
    } catch {
      // It stops at this moment.
    }
  }
  return revision;
}
