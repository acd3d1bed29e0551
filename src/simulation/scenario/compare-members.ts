import type { SimMember } from '../cluster/sim-member.js';
import type { World } from './world.js';

const EVERY_MS = 250;

/**
 * Now and then during a run: members that have applied the same entries have the same leases,
 * alarms and members, and not only the same keys. What differs once may be a member that is just
 * taking over a state; what differs twice at the same entries does differ.
 */
export async function compareMembers(world: World): Promise<void> {
  let suspects = new Set<string>();
  while (!world.isEnding) {
    await world.sim.pause(EVERY_MS);
    const seen = new Map<number, { readonly by: string; readonly tables: string }>();
    const found = new Set<string>();
    for (const member of world.serving) {
      const { index, tables } = await tablesOf(member);
      if (index === 0 || member.isDirectoryExcused) continue;
      const other = seen.get(index);
      if (other === undefined) seen.set(index, { by: member.name, tables });
      else if (other.tables !== tables) {
        const what = `after entry ${index} ${member.name} has ${tables}, ${other.by} ${other.tables}`;
        found.add(what);
        if (suspects.has(what)) world.findings.report('S1', what);
      }
    }
    suspects = found;
  }
}

async function tablesOf(
  member: SimMember,
): Promise<{ readonly index: number; readonly tables: string }> {
  const { kernel } = member;
  if (kernel === undefined) return NOTHING;
  try {
    const before = kernel.status().appliedIndex;
    const members = (await kernel.members(false)).map(({ id, isLearner }) => `${id} ${isLearner}`);
    const { appliedIndex, leaseCount, keyCount, revision } = kernel.status();
    if (appliedIndex !== before) return NOTHING;
    const alarms = kernel.alarms().map(({ memberId, alarm }) => `${alarm} of ${memberId}`);
    const tables = { revision, keyCount, leaseCount, alarms: alarms.sort(), members };
    return { index: appliedIndex, tables: JSON.stringify(tables) };
  } catch {
    // It stops at this moment.
    return NOTHING;
  }
}

const NOTHING = { index: 0, tables: '' };
