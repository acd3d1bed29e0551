/**
 * The one way for a test to step aside: it names what the machine lacks. The reporter prints every
 * reason at the end of the run, and under TIDELOCK_CI=1 a skipped test fails the run, so a skip can
 * never hide for long. Plain `it.skip` and `this.skip()` are refused by the tidy test.
 */
import type { Context, Suite, Test } from 'mocha';

/**
 * A test as mocha has it; where files run side by side, its reporter gets what `serialize` makes.
 */
interface Skippable {
  serialize?: () => object;
  skipReason?: string;
}

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
  if (wholeSuite) runnable.parent?.eachTest((test) => note(test, reason));
  else note(runnable.type === 'hook' ? context.currentTest : runnable, reason);
  context.skip();
}

/** The reason given for a pending test, by itself or by a suite around it. */
export function skipReasonOf(test: Test): string | undefined {
  return (test as Skippable).skipReason;
}

function note(noted: object | undefined, reason: string): void {
  if (noted === undefined) return;
  const test: Skippable = noted;
  const { serialize } = test;
  test.skipReason = reason;
  test.serialize = () => ({ ...serialize?.call(test), skipReason: reason });
}
