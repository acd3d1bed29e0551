// Proves that what types forbid, and callers without types pass all the same, is refused with words
// that name it and what would be right; nothing is done of such a request, and the member goes on.
import assert from 'node:assert/strict';
import { isStoreError, type Store } from '../../../src/store/index.js';
import { openSimKernel, simWorld } from '../../support/sim-kernel.js';

/** The store as JavaScript sees it. */
type Untyped = Readonly<
  Record<'put' | 'delete' | 'range' | 'txn' | 'compact', (request?: unknown) => Promise<unknown>>
>;

const PUT = { kind: 'put', key: 'done', value: 'no' };
const EQUAL = { key: 'a', target: 'version', operator: '=', operand: 0 };

/** What is asked, and what is said about it. */
const CASES: readonly (readonly [keyof Untyped, unknown, string])[] = [
  ['put', undefined, 'the put is undefined, not an object'],
  ['put', null, 'the put is null, not an object'],
  ['put', 'a', 'the put is "a", not an object'],
  ['put', {}, 'key is undefined, not text or bytes'],
  ['put', { key: 7, value: '' }, 'key is 7, not text or bytes'],
  ['put', { key: [1, 2], value: '' }, 'key is a list, not text or bytes'],
  ['put', { key: 'a', value: 7 }, 'value is 7, not text or bytes'],
  ['put', { key: 'a', value: null }, 'value is null, not text or bytes'],
  ['put', { key: 'a', value: {} }, 'value is an object, not text or bytes'],
  ['put', { key: 'a', lease: 5 }, 'lease is 5, not a bigint'],
  ['put', { key: 'a', lease: '5' }, 'lease is "5", not a bigint'],
  ['delete', undefined, 'the delete is undefined, not an object'],
  ['delete', { key: 7 }, 'key is 7, not text or bytes'],
  ['delete', { key: 'a', rangeEnd: 7 }, 'rangeEnd is 7, not text or bytes'],
  ['range', undefined, 'the range is undefined, not an object'],
  ['range', { key: 7 }, 'key is 7, not text or bytes'],
  ['range', { key: 'a', rangeEnd: null }, 'rangeEnd is null, not text or bytes'],
  ['range', { key: 'a', limit: '5' }, 'limit 5 is not a whole number'],
  ['range', { key: 'a', limit: Symbol('five') }, 'limit Symbol(five) is not a whole number'],
  [
    'range',
    { key: 'a', sortTarget: 'age' },
    'sortTarget is "age", not one of key version create mod value',
  ],
  ['range', { key: 'a', sortOrder: 'up' }, 'sortOrder is "up", not one of none ascend descend'],
  ['compact', undefined, 'the compaction is undefined, not an object'],
  ['compact', { revision: '3' }, 'revision 3 is not a whole number'],
  ['txn', undefined, 'the txn is undefined, not an object'],
  ['txn', null, 'the txn is null, not an object'],
  ['txn', { success: PUT }, 'success is an object, not a list'],
  ['txn', { failure: 'all' }, 'failure is "all", not a list'],
  ['txn', { compare: EQUAL, success: [PUT] }, 'compare is an object, not a list'],
  ['txn', { compare: [null], success: [PUT] }, 'a comparison is null, not an object'],
  ['txn', { success: [PUT, null] }, 'an operation is null, not an object'],
  [
    'txn',
    { success: [PUT, { kind: 'erase', key: 'a' }] },
    'kind is "erase", not one of range put delete txn',
  ],
  [
    'txn',
    { success: [PUT, { kind: 'txn', failure: [() => PUT] }] },
    'an operation is a function, not an object',
  ],
  ['txn', { success: [PUT, { kind: 'range', key: 7 }] }, 'key is 7, not text or bytes'],
  ...(
    [
      [{ operator: '>=' }, 'operator is ">=", not one of = != > <'],
      [{ operator: undefined }, 'operator is undefined, not one of = != > <'],
      [{ target: 'age' }, 'target is "age", not one of version create mod value lease'],
      [{ key: 7 }, 'key is 7, not text or bytes'],
      [{ rangeEnd: 7 }, 'rangeEnd is 7, not text or bytes'],
      [{ operand: '1' }, 'operand 1 is not a whole number'],
      [{ target: 'value' }, 'operand is 0, not text or bytes'],
      [{ target: 'lease' }, 'operand is 0, not a bigint'],
    ] as const
  ).flatMap(([odd, text]) => {
    const compare = [{ ...EQUAL, ...odd }];
    // One that only reads does not pass the log, and must not be judged otherwise.
    return [
      ['txn', { compare, success: [PUT] }, text],
      ['txn', { compare }, text],
    ] as const;
  }),
];

describe('a member and callers without types', () => {
  it('says what was wrong and what would be right, and does nothing', async () => {
    const kernel = await openSimKernel(simWorld(1));
    const untyped = kernel.store as Pick<Store, keyof Untyped> as unknown as Untyped;
    for (const [method, request, text] of CASES) {
      const name = `${method}: ${text}`;
      const failure = await untyped[method](request).then(
        () => undefined,
        (error: unknown) => error,
      );
      assert.ok(isStoreError(failure, 'InvalidArgument'), `${name}, but ${String(failure)}`);
      assert.equal(failure.message, text, name);
    }
    assert.equal(kernel.header().revision, 1);
    await kernel.store.put({ key: 'a', value: 'sound' });
    assert.equal(kernel.header().revision, 2);
    await kernel.close();
  });
});
