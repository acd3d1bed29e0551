// Proves that a policy that makes no sense is refused with the name of the field, that one in the
// store that makes no sense allows nothing, and what a percentage of the known nodes means.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/index.js';
import {
  checkPolicy,
  DEFAULT_POLICY,
  decodePolicy,
  slotsOf,
} from '../../../src/recipes/reboot/reboot-policy.js';

describe('reboot policies', () => {
  it('take what is left out from before', () => {
    const first = checkPolicy({ max: 3, windows: ['22:00 4h'], failureBudget: 2 });
    const second = checkPolicy({ max: '20%', order: { by: 'zone', rule: 'one-per-zone' } }, first);
    assert.deepEqual(second, {
      ...DEFAULT_POLICY,
      max: '20%',
      windows: [{ days: [], start: '22:00', lengthMinutes: 240, timeZone: 'UTC' }],
      failureBudget: 2,
      order: { by: 'zone', rule: 'one-per-zone' },
    });
    assert.deepEqual(checkPolicy({ order: null, windows: [] }, second).order, null);
    assert.deepEqual(decodePolicy(JSON.stringify(second)), second);
  });

  it('are refused with the field that makes no sense', () => {
    const cases: readonly (readonly [{ readonly [field: string]: unknown }, RegExp])[] = [
      [{ max: -1 }, /max -1/],
      [{ max: 101 }, /max 101/],
      [{ max: '0%' }, /max "0%"/],
      [{ max: '120%' }, /max "120%"/],
      [{ max: 'some' }, /max "some"/],
      [{ windows: {} }, /windows/],
      [{ windows: ['sometimes'] }, /start "sometimes"/],
      [{ windows: Array.from({ length: 51 }, () => '22:00 1h') }, /windows 51/],
      [{ cooldownSeconds: 1.5 }, /cooldownSeconds 1.5/],
      [{ soakSeconds: -1 }, /soakSeconds -1/],
      [{ rebootTimeoutSeconds: '5' }, /rebootTimeoutSeconds "5"/],
      [{ grantTimeoutSeconds: 1e9 }, /grantTimeoutSeconds 1000000000/],
      [{ failureBudget: Number.NaN }, /failureBudget NaN/],
      [{ order: { by: 'rack', rule: 'one-per-zone' } }, /order.by "rack"/],
      [{ order: { by: 'zone', rule: 'some' } }, /order.rule "some"/],
      [{ paused: { by: 1, reason: '' } }, /paused.by 1/],
      [{ maximum: 3 }, /maximum 3/],
    ];
    for (const [input, pattern] of cases) {
      assert.throws(
        () => checkPolicy(input),
        (error: unknown) =>
          isCoordinationError(error, 'InvalidArgument') && pattern.test(error.message),
        JSON.stringify(input),
      );
    }
  });

  it('that are unreadable in the store are none', () => {
    for (const text of ['', '2', '{}', '{"max": -2}', '{"max": 1, "windows": 5}', 'null']) {
      assert.equal(decodePolicy(text), undefined, text);
    }
  });

  it('round a percentage down, to 1 at least', () => {
    assert.deepEqual(
      [0, 1, 4, 5, 9, 10, 1000].map((nodes) => slotsOf('20%', nodes)),
      [1, 1, 1, 1, 1, 2, 100],
    );
    assert.equal(slotsOf('100%', 7), 7);
    assert.equal(slotsOf(0, 7), 0);
  });
});
