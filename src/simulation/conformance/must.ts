/** What a case of a suite says when a promise of the recipe does not hold. */
export function must(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}

/** @throws Error when `work` does not throw */
export function mustThrow(work: () => unknown, otherwise: string): void {
  try {
    work();
  } catch {
    return;
  }
  throw new Error(otherwise);
}

/** @throws Error when there are any */
export function mustBeEmpty(keys: readonly string[], otherwise: string): void {
  must(keys.length === 0, `${otherwise}: ${keys.join(', ')}`);
}
