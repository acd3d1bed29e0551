// Proves that a cover says of every key what its intervals say one by one, and that a transaction
// as large as a request may be is checked in a moment.
import assert from 'node:assert/strict';
import { IntervalCover } from '../../../src/kernel/apply/interval-cover.js';
import { checkTxn } from '../../../src/kernel/apply/request-check.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import {
  compareBytes,
  type Interval,
  StoreError,
  type TxnOperation,
} from '../../../src/store/index.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 7);

function naive(intervals: readonly Interval[], key: Uint8Array): boolean {
  return intervals.some(({ start, end }) => {
    const order = compareBytes(start, key);
    if (end === undefined) return order === 0;
    return order <= 0 && end !== null && compareBytes(key, end) < 0;
  });
}

describe('IntervalCover', () => {
  it('covers what its intervals cover, in whatever order they came', () => {
    const random = new SimRandom(SEED);
    const bytes = (): Uint8Array =>
      Uint8Array.from({ length: 1 + random.below(2) }, () => random.below(6));
    for (let round = 0; round < 300; round++) {
      const intervals: Interval[] = [];
      let cover = new IntervalCover();
      for (let step = 0; step < 20; step++) {
        const [a, b] = [bytes(), bytes()].toSorted(compareBytes) as [Uint8Array, Uint8Array];
        const isPoint = compareBytes(a, b) === 0 || random.below(3) === 0;
        const interval = isPoint ? { start: a, end: undefined } : { start: a, end: b };
        intervals.push(interval);
        if (random.below(4) === 0) {
          const whole = new IntervalCover();
          whole.add(interval);
          whole.addAll(cover);
          cover = whole;
        } else cover.add(interval);
        const key = bytes();
        assert.equal(cover.covers(key), naive(intervals, key), `seed ${SEED}, round ${round}`);
      }
    }
  });
});

describe('the check of a transaction', () => {
  it('is quick however many deletes and puts are nested in it', () => {
    let count = 0;
    const leaf = (): TxnOperation => {
      const name = (++count).toString(36);
      return count % 2 === 0
        ? { kind: 'put', key: `b${name}`, value: '' }
        : { kind: 'delete', key: `a${name}` };
    };
    const list = (depth: number): TxnOperation[] =>
      Array.from({ length: 10 }, () =>
        depth === 0 ? leaf() : { kind: 'txn', success: list(depth - 1) },
      );
    const request = { success: list(4) };
    const start = process.cpuUsage();
    checkTxn(request, 128);
    const { user } = process.cpuUsage(start);
    assert.equal(count, 100_000);
    // Compared one by one they took 48 s.
    assert.ok(user < 8_000_000, `${user / 1000} ms`);
  });

  it('finds a put under a delete of another branch, and lets point beside point be', () => {
    const nested = (...success: TxnOperation[]): TxnOperation => ({ kind: 'txn', success });
    const put = (key: string): TxnOperation => ({ kind: 'put', key, value: '' });
    const erase = (key: string, rangeEnd?: string): TxnOperation =>
      rangeEnd === undefined ? { kind: 'delete', key } : { kind: 'delete', key, rangeEnd };
    const refuses = (...success: TxnOperation[]): void =>
      assert.throws(() => checkTxn({ success }, 128), new StoreError('DuplicateKey'));
    refuses(nested(erase('a', 'c')), put('b'));
    refuses(nested(erase('a')), nested(put('a')));
    refuses(erase('a', 'c'), nested(nested(put('b'))));
    checkTxn({ success: [nested(erase('a', 'c')), put('c'), put('A')] }, 128);
    checkTxn({ success: [erase('a'), put('a\0'), put('b'), erase('c', 'b')] }, 128);
  });
});
