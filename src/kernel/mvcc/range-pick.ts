import type { KeyValue } from '../../store/index.js';
import type { IndexLeaf } from './index-leaf.js';
import type { MvccState } from './state.js';
import type { RangePick } from './types.js';

/**
 * The few pairs of a range that come first by a number that the index holds: no other key is copied
 * and no other row is read. It is what every waiter in a line asks for ("who is just before me?"),
 * so that a long line costs each of them little.
 */

interface Candidate {
  readonly leaf: IndexLeaf;
  readonly slot: number;
  readonly rank: number;
}

/**
 * Looks at `total` live keys from a place in the index on. The answer is in the order that was
 * asked for, equals by key.
 * @param from the place of the first
 */
export function pickNow(
  state: MvccState,
  from: { readonly leaf: IndexLeaf; readonly slot: number },
  total: number,
  pick: RangePick,
  keysOnly: boolean,
): KeyValue[] {
  const best: Candidate[] = [];
  let { leaf, slot } = from;
  for (let seen = 0; seen < total; slot++) {
    while (slot >= leaf.count) {
      if (leaf.next === undefined) throw new Error('the index counts more keys than it holds');
      leaf = leaf.next;
      slot = 0;
    }
    if (!leaf.isLive(slot)) continue;
    seen++;
    if (isWithin(leaf, slot, pick)) offer(best, leaf, slot, pick);
  }
  return best.map((one) =>
    keysOnly
      ? state.readKeyOnly(one.leaf, one.slot)
      : state.readRow(one.leaf.main(one.slot), one.leaf.place(one.slot), true),
  );
}

function isWithin(leaf: IndexLeaf, slot: number, pick: RangePick): boolean {
  const create = leaf.create(slot);
  const mod = leaf.main(slot);
  return (
    create >= pick.minCreateRevision &&
    mod >= pick.minModRevision &&
    (pick.maxCreateRevision === 0 || create <= pick.maxCreateRevision) &&
    (pick.maxModRevision === 0 || mod <= pick.maxModRevision)
  );
}

/** Puts it in its place among the best so far, behind its equals. */
function offer(best: Candidate[], leaf: IndexLeaf, slot: number, pick: RangePick): void {
  const value = valueOf(leaf, slot, pick.by);
  const rank = pick.descending ? -value : value;
  const last = best.at(-1);
  if (best.length >= pick.count) {
    if (last === undefined || last.rank <= rank) return;
    best.pop();
  }
  let at = best.length;
  while (at > 0 && (best[at - 1] as Candidate).rank > rank) at--;
  best.splice(at, 0, { leaf, slot, rank });
}

function valueOf(leaf: IndexLeaf, slot: number, by: RangePick['by']): number {
  if (by === 'create') return leaf.create(slot);
  return by === 'mod' ? leaf.main(slot) : leaf.version(slot);
}
