// Short ways to say what a checker must and must not find.
import assert from 'node:assert/strict';
import { checkHistory } from '../../../src/simulation/check/check-history.js';
import type { History } from '../../../src/simulation/check/history.js';
import type { CheckOptions } from '../../../src/simulation/check/options.js';

export const OPTIONS: CheckOptions = {
  clockDriftMax: 0.01,
  leaseSlackMs: 5000,
  tail: { healedMs: 0, boundMs: 1000 },
};

export function mustHold(history: History, options = OPTIONS): void {
  assert.deepEqual(checkHistory(history, options), []);
}

/** The property must be among those that are reported as broken. */
export function mustBreak(property: string, history: History, options = OPTIONS): void {
  const violations = checkHistory(history, options);
  const found = violations.map((violation) => violation.property);
  const shown = violations.map((violation) => violation.message).join('\n');
  assert.ok(found.includes(property), `${property} was not found, but [${found.join()}]: ${shown}`);
}
