/**
 * The hash of the whole history of changes, one step a row: two members that applied the same
 * entries have the same hash at the same revision, whenever they flushed or compacted. For a given
 * row the step is a bijection, so members that once differed keep differing.
 */
export function mixHash(hash: number, rowChecksum: number): number {
  let mixed = Math.imul(hash ^ rowChecksum, 0x9e3779b1);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x85ebca77);
  mixed ^= mixed >>> 13;
  return mixed >>> 0;
}
