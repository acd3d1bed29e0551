// Proves that a code tells the compiler what an error carries, that it is one class at run time,
// and that every cause of a loss has its own words.
import assert from 'node:assert/strict';
import {
  CoordinationError,
  type CoordinationErrorOf,
  describeLoss,
  isCoordinationError,
  type LossCause,
} from '../../src/recipes/errors.js';
import { StoreError, type StoreErrorCode } from '../../src/store/index.js';

const CAUSES: readonly LossCause[] = [
  { kind: 'expired' },
  { kind: 'stalled', stallMs: 21_000.4 },
  { kind: 'clock-jump', jumpMs: 30_000 },
  { kind: 'revoked' },
  { kind: 'deleted', key: 'jobs/q/1' },
  { kind: 'broken', key: 'jobs/q/1', by: 'ops', reason: 'host-7 does not answer' },
  { kind: 'replaced', key: 'jobs/q/1' },
  { kind: 'closed' },
];

describe('CoordinationError', () => {
  it('is narrowed by its code, in a guard and in a switch', () => {
    const error: unknown = new CoordinationError('LockLost', 'lost', { loss: { kind: 'expired' } });
    assert.ok(isCoordinationError(error, 'LockLost'));
    const loss: LossCause = error.loss;
    assert.equal(loss.kind, 'expired');
    const timeout: unknown = new CoordinationError('Timeout', 'late');
    assert.ok(isCoordinationError(timeout, 'Timeout'));
    const none: undefined = timeout.loss;
    assert.equal(none, undefined);
    const text = (any: CoordinationError): string => {
      switch (any.code) {
        case 'LockLost':
        case 'SessionLost':
          return describeLoss(any.loss);
        default:
          // @ts-expect-error: an error of any other code has no cause of a loss
          return describeLoss(any.loss);
      }
    };
    assert.ok(isCoordinationError(error));
    assert.equal(text(error), describeLoss(loss));
  });

  it('of a store that refuses has the store’s error and its code', () => {
    const cause = new StoreError('NoSpace');
    const error: unknown = new CoordinationError('StoreRefused', 'refused', { cause });
    assert.ok(isCoordinationError(error, 'StoreRefused'));
    const code: StoreErrorCode = error.storeCode;
    const inner: StoreError = error.cause;
    assert.deepEqual([code, inner], ['NoSpace', cause]);
    const passing: unknown = new CoordinationError('Unavailable', 'gone', {
      cause: new StoreError('NoLeader'),
    });
    assert.ok(isCoordinationError(passing, 'Unavailable') && passing.storeCode === 'NoLeader');
    assert.equal(new CoordinationError('Timeout', 'late').storeCode, undefined);
    // @ts-expect-error: a refusal has the error of the store
    assert.ok(new CoordinationError('StoreRefused', 'refused') instanceof Error);
  });

  it('cannot be made without the cause that its code promises, nor with one that it does not', () => {
    const wrong = (): readonly unknown[] => [
      // @ts-expect-error: who loses a lock says why
      new CoordinationError('LockLost', 'lost'),
      // @ts-expect-error: a timeout has no cause of a loss
      new CoordinationError('Timeout', 'late', { loss: { kind: 'expired' } }),
    ];
    assert.equal(wrong().length, 2);
  });

  it('is one class at run time, with its name', () => {
    const error: CoordinationErrorOf<'Aborted'> = new CoordinationError('Aborted', 'stopped');
    assert.ok(error instanceof CoordinationError && error instanceof Error);
    assert.equal(error.name, 'CoordinationError');
    assert.equal(isCoordinationError(new Error('x')), false);
    assert.equal(isCoordinationError(error, 'Timeout'), false);
  });

  it('has words of its own for every cause', () => {
    const words = CAUSES.map(describeLoss);
    assert.equal(new Set(words).size, CAUSES.length);
    assert.equal(words[5], 'broken by ops: host-7 does not answer');
    assert.equal(words[1], 'nothing could run for 21000 ms');
  });
});
