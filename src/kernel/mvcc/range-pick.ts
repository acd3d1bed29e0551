import type { KeyValue } from '../../store/index.js';
import type { IndexLeaf } from './index-leaf.js';
import type { MvccState } from './state.js';
import type { RangePick } from './types.js';

/**
 * The few pairs of a range that come first by a number that the index holds: no other key is copied
 * and no other row is read. It is what every waiter in a line asks for ("who is just before me?"),
 * so that a long line costs each of them little. Whole leaves are passed over by what they know of
 * their live keys: a line whose entries come and go leaves deleted ones behind, many more than it
 * is long, until history is compacted.
 */

/** A place in the index. */
export interface IndexPlace {
  readonly leaf: IndexLeaf;
  readonly slot: number;
}

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
  from: IndexPlace,
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
      // With more live keys than are to be seen it reaches beyond the range.
      if (leaf.live > total - seen || !hasNone(leaf, best, pick)) continue;
      seen += leaf.live;
      if (seen === total) return read(state, best, keysOnly);
      slot = leaf.count;
    }
    if (!leaf.isLive(slot)) continue;
    seen++;
    if (isWithin(leaf, slot, pick)) offer(best, leaf, slot, pick);
  }
  return read(state, best, keysOnly);
}

function read(state: MvccState, best: readonly Candidate[], keysOnly: boolean): KeyValue[] {
  return best.map((one) =>
    keysOnly
      ? state.readKeyOnly(one.leaf, one.slot)
      : state.readRow(one.leaf.main(one.slot), one.leaf.place(one.slot), true),
  );
}

/** Whether no live key of the leaf is within the bounds and would be among the best. */
function hasNone(leaf: IndexLeaf, best: readonly Candidate[], pick: RangePick): boolean {
  const { createMin, createMax } = leaf;
  if (createMax < pick.minCreateRevision) return true;
  if (pick.maxCreateRevision > 0 && createMin > pick.maxCreateRevision) return true;
  const worst = best.length >= pick.count ? best.at(-1) : undefined;
  if (worst === undefined || pick.by !== 'create') return false;
  return worst.rank <= (pick.descending ? -createMax : createMin);
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
