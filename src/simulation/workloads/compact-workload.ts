import type { World } from '../scenario/world.js';

/** History that is kept, so that watchers of the past now and then come too late. */
const KEPT_REVISIONS = 100;

/** Somebody discards history every few seconds; now and then more than watchers like. */
export async function compactWorkload(world: World): Promise<void> {
  const client = world.addClient();
  const { dice, store } = client;
  while (!world.isEnding) {
    await client.pause(dice.between(1000, 6000));
    if (world.isEnding) return;
    const kept = dice.below(5) === 0 ? dice.pick([0, 0, dice.below(10)]) : KEPT_REVISIONS;
    const revision = world.revisionMax - kept + (dice.below(20) === 0 ? KEPT_REVISIONS + 5 : 0);
    if (revision < 1) continue;
    const compaction = store.compact({ revision, physical: dice.below(3) === 0 });
    await world.whileCompacting(compaction.catch(() => undefined));
  }
}
