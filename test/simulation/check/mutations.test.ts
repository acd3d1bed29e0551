// Proves that the checkers can fail: good random histories of two thousand calls pass, and the same
// histories spoiled in each of the named ways do not.
import assert from 'node:assert/strict';
import { checkHistory } from '../../../src/simulation/check/check-history.js';
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
  it('passes as it is, whatever the seed', () => {
    for (let seed = SEED; seed < SEED + 3; seed++) {
      const { history } = randomHistory(new SimRandom(seed), OPERATIONS);
      assert.deepEqual(checkHistory(history, OPTIONS), [], `TIDELOCK_SEED=${seed}`);
    }
  });

  const good = randomHistory(new SimRandom(SEED), OPERATIONS);

  for (const { name, breaks, change } of MUTATIONS) {
    it(`shows ${name} (${breaks.join(' or ')})`, () => {
      const spoiled = change(good);
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
