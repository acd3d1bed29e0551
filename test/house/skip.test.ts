/**
 * Proves that a skip carries its reason: from a `before` hook to every test of the suite, from a
 * test to itself, and to another process; and that nothing is skipped when there is no reason. The
 * suites run inside a mocha of their own, so that the outer run stays free of skips.
 */
import assert from 'node:assert/strict';
import Mocha from 'mocha';
import { skipReasonOf, skipWhen } from '../support/skip.js';

describe('house/skip', () => {
  it('gives a suite, a test and a running test their own reasons', async () => {
    const inner = new Mocha();
    const suite = Mocha.Suite.create(inner.suite, 'lacks etcd');
    suite.beforeAll(function (this: Mocha.Context) {
      skipWhen(this, 'no etcd here');
    });
    suite.addTest(new Mocha.Test('first', () => assert.fail('must not run')));
    suite.addTest(new Mocha.Test('second', () => assert.fail('must not run')));
    const other = Mocha.Suite.create(inner.suite, 'has everything');
    other.addTest(
      new Mocha.Test('third', function (this: Mocha.Context) {
        skipWhen(this, 'only on Tuesdays');
      }),
    );
    other.addTest(
      new Mocha.Test('fourth', function (this: Mocha.Context) {
        skipWhen(this, undefined);
      }),
    );
    const told = await runQuietly(inner);
    assert.deepEqual(told, {
      first: 'skipped: no etcd here',
      second: 'skipped: no etcd here',
      third: 'skipped: only on Tuesdays',
      fourth: 'passed',
    });
  });
});

/** A reporter that says nothing. */
class Silence {}

async function runQuietly(inner: Mocha): Promise<Record<string, string>> {
  const told: Record<string, string> = {};
  const { EVENT_TEST_PASS, EVENT_TEST_PENDING } = Mocha.Runner.constants;
  inner.reporter(Silence as unknown as Mocha.ReporterConstructor);
  await new Promise<void>((resolve) => {
    const runner = inner.run(() => resolve());
    runner.on(EVENT_TEST_PASS, (test) => {
      told[test.title] = 'passed';
    });
    runner.on(EVENT_TEST_PENDING, (test) => {
      // Where files run side by side, this is what comes from the process that ran the test.
      const sent = (test as unknown as { serialize(): Mocha.Test }).serialize();
      assert.equal(sent.title, test.title);
      assert.equal(skipReasonOf(sent), skipReasonOf(test));
      told[test.title] = `skipped: ${skipReasonOf(test) ?? 'nobody knows why'}`;
    });
  });
  return told;
}
