/**
 * The one way for a test to step aside: it names what the machine lacks. The reporter prints every
 * reason at the end of the run, and under TIDELOCK_CI=1 a skipped test fails the run, so a skip can
 * never hide for long. Plain `it.skip` and `this.skip()` are refused by the tidy test.
 */
import type { Context, Suite, Test } from 'mocha';

const reasons = new WeakMap<object, string>();

/**
 * Skips the running test, or every test of the suite when called in a `before` hook, if `reason` is
 * given; does nothing when it is undefined.
 *
 * @example
 * before(function () {
 *   skipWhen(this, programMissing('etcd'));
 * });
 */
export function skipWhen(context: Context, reason: string | undefined): void {
  if (reason === undefined) return;
  const runnable = context.runnable() as { type?: string; title: string; parent?: Suite };
  // In a `before` hook mocha already names the first test as the current one.
  const wholeSuite = runnable.type === 'hook' && runnable.title.startsWith('"before all"');
  const oneTest = runnable.type === 'hook' ? context.currentTest : runnable;
  const skipped = wholeSuite ? runnable.parent : oneTest;
  if (skipped !== undefined) reasons.set(skipped, reason);
  context.skip();
}

/** The reason given for a pending test, by itself or by the nearest suite that was skipped. */
export function skipReasonOf(test: Test): string | undefined {
  const own = reasons.get(test);
  if (own !== undefined) return own;
  for (let suite = test.parent; suite !== undefined; suite = suite.parent) {
    const reason = reasons.get(suite);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
