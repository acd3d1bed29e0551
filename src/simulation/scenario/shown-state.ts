import type { Kernel } from '../../kernel/index.js';
import { isStoreError, type KeyValue } from '../../store/index.js';
import { keyText } from '../check/key-text.js';
import { sameKvs } from '../check/same.js';
import type { World } from './world.js';

/** Every key of a store. */
const ALL = { key: '\0', rangeEnd: '\0' } as const;

/** The pairs that were there at a revision, by what all members have shown; in byte order. */
function pairsAt(world: World, revision: number): readonly KeyValue[] {
  const pairs = new Map<string, KeyValue>();
  for (const batch of world.history.revisions) {
    if (batch.revision > revision) break;
    for (const { type, kv } of batch.events) {
      if (type === 'put') pairs.set(keyText(kv.key), kv);
      else pairs.delete(keyText(kv.key));
    }
  }
  return [...pairs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kv]) => kv);
}

/**
 * Whether a member that lives apart has, at its own revision `own`, what the cluster of this world
 * had at `revision`. What it has compacted is taken for right.
 */
export async function showsState(
  world: World,
  kernel: Kernel,
  revision: number,
  own = revision,
): Promise<boolean> {
  try {
    const { kvs } = await kernel.store.range({ ...ALL, revision: own, serializable: true });
    return sameKvs(kvs, pairsAt(world, revision));
  } catch (error) {
    if (isStoreError(error, 'Compacted')) return true;
    throw error;
  }
}
