/**
 * Gives as many of the left side as possible a partner of the right side, none of which is given
 * twice: augmenting paths, exact.
 * @param choices for each left place, the right ones that would do, the preferred first
 * @returns for each left place its partner, undefined when none was left
 */
export function matchMost<T>(choices: readonly (readonly T[])[]): readonly (T | undefined)[] {
  const owner = new Map<T, number>();
  const give = (left: number, tried: Set<T>): boolean => {
    for (const right of choices[left] ?? []) {
      if (tried.has(right)) continue;
      tried.add(right);
      const holder = owner.get(right);
      if (holder === undefined || give(holder, tried)) {
        owner.set(right, left);
        return true;
      }
    }
    return false;
  };
  for (let left = 0; left < choices.length; left++) give(left, new Set());
  const partners: (T | undefined)[] = choices.map(() => undefined);
  for (const [right, left] of owner) partners[left] = right;
  return partners;
}
