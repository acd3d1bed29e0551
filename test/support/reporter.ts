/**
 * Mocha's spec reporter with the house's ending: which tests were skipped and why, then one closing
 * line `N passed, N failed, N skipped`. It turns a run of no tests into a failure, and under
 * TIDELOCK_CI=1 a skipped test as well. It must be the last thing that prints.
 */
import Mocha from 'mocha';
import { inCi } from './in-ci.js';
import { skipReasonOf } from './skip.js';

class HouseReporter extends Mocha.reporters.Spec {
  readonly #skipped: Mocha.Test[] = [];

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.on(Mocha.Runner.constants.EVENT_TEST_PENDING, (test) => this.#skipped.push(test));
  }

  override done(failures: number, finish?: (failures: number) => void): void {
    const forbidden = inCi ? this.#skipped.length : 0;
    const empty = this.stats.tests === 0 ? 1 : 0;
    if (this.#skipped.length > 0) {
      print(inCi ? 'Skipped, which CI forbids:' : 'Skipped:');
      for (const test of this.#skipped) {
        print(`  ${test.fullTitle()}: ${skipReasonOf(test) ?? 'no reason given'}`);
      }
    }
    if (empty > 0) print('No test ran.');
    const failed = Math.max(failures, empty) + forbidden;
    print(closingLine(this.stats.passes, failed, this.#skipped.length - forbidden));
    finish?.(failed);
  }
}

function closingLine(passed: number, failed: number, skipped: number): string {
  const tail = skipped > 0 ? `, ${skipped} skipped` : '';
  return `${passed} passed, ${failed} failed${tail}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export default HouseReporter;
