// Proves that the checkers can fail: good random histories of two thousand calls pass, and the same
// histories spoiled in each of the named ways do not.
import assert from 'node:assert/strict';
import { checkHistory } from '../../../src/simulation/check/check-history.js';
import type { History } from '../../../src/simulation/check/history.js';
import type { CheckOptions } from '../../../src/simulation/check/options.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { MUTATIONS } from './mutations.js';
import { randomHistory } from './random-history.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 20_261);
const OPERATIONS = 2000;
const OPTIONS: CheckOptions = {
  clockDriftMax: 0,
  leaseSlackMs: 100,
  tail: { healedMs: 0, boundMs: 100 },
};

describe(`a history of ${OPERATIONS} calls, spoiled (TIDELOCK_SEED=${SEED})`, () => {
  // What one of them lacks, such as a lease that expired with two keys, another has.
  const good = [0, 1, 2].map((i) => randomHistory(new SimRandom(SEED + i), OPERATIONS));

  it('passes as it is, whatever the seed', () => {
    for (const { history } of good) assert.deepEqual(checkHistory(history, OPTIONS), []);
  });

  for (const { name, breaks, change } of MUTATIONS) {
    it(`shows ${name} (${breaks.join(' or ')})`, () => {
      let spoiled: History | undefined;
      for (const run of good) spoiled ??= change(run);
      assert.ok(spoiled !== undefined, 'there was nothing to spoil');
      const violations = checkHistory(spoiled, OPTIONS);
      const found = violations.map(({ property }) => property);
      const shown = violations.map(({ message }) => message).join('\n');
      assert.ok(
        breaks.some((property) => found.includes(property)),
        `found [${found.join()}]\n${shown}`,
      );
    });
  }
});
