import type { Trace } from '../ports/trace.js';

/**
 * Takes back, one after the other, what was done before something failed. A step that fails as well
 * is noted and keeps none of the others back: what a person is told is the first failure.
 * It decides nothing else, and throws `failure`, always.
 */
export async function undoAfter(
  failure: unknown,
  trace: Trace,
  steps: readonly (() => Promise<void> | undefined)[],
): Promise<never> {
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      trace.event('warn', 'could not be tidied up after a failure', { error: String(error) });
    }
  }
  throw failure;
}
