// Proves that the error table is whole, that every code survives the way to the wire and back, that
// statuses are the ones that etcd sends, and that docs/errors.md says the same.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { STORE_ERROR_TEXT, StoreError } from '../../src/store/index.js';
import {
  ERROR_TABLE,
  fromCancelReason,
  fromStatus,
  GRPC_STATUS,
  TEXT_ALIASES,
  toStatus,
} from '../../src/wire/errors.js';

describe('error table', () => {
  it('has every code once', () => {
    const codes = ERROR_TABLE.map((row) => row.code);
    assert.deepEqual([...codes].sort(), Object.keys(STORE_ERROR_TEXT).sort());
    for (const row of ERROR_TABLE) assert.equal(row.text, STORE_ERROR_TEXT[row.code]);
  });

  it('goes to the wire and back', () => {
    for (const row of ERROR_TABLE) {
      const status = toStatus(new StoreError(row.code));
      assert.deepEqual(status, { code: row.status, details: row.text });
      const back = fromStatus(status.code, status.details);
      assert.equal(back.code, row.code);
      assert.equal(back.message, row.text);
    }
  });

  it('sends the exact text whatever the message, and free texts as they are', () => {
    assert.equal(
      toStatus(new StoreError('Compacted', 'other')).details,
      STORE_ERROR_TEXT.Compacted,
    );
    assert.deepEqual(toStatus(new StoreError('InvalidArgument', 'a thing is odd')), {
      code: GRPC_STATUS.INVALID_ARGUMENT,
      details: 'a thing is odd',
    });
    const late = 'etcdserver: request timed out, possibly due to connection lost';
    assert.equal(toStatus(new StoreError('Timeout', late)).details, late);
  });

  it('reads the statuses that etcd sends', () => {
    assert.deepEqual(toStatus(new StoreError('TooManyRequests')), {
      code: GRPC_STATUS.UNKNOWN,
      details: 'etcdserver: too many requests',
    });
    assert.equal(fromStatus(8, 'etcdserver: too many requests').code, 'TooManyRequests');
    assert.equal(fromStatus(14, 'etcdserver: leader changed').code, 'LeaderChanged');
    assert.equal(fromStatus(12, 'unknown service x').code, 'Unimplemented');
    assert.equal(fromStatus(2, 'not a primary lessor').message, 'not a primary lessor');
    assert.equal(fromStatus(2, 'not a primary lessor').code, 'Unknown');
    assert.equal(
      fromStatus(8, 'grpc: received message larger than max (3 vs. 2)').code,
      'RequestTooLarge',
    );
    for (const [text, code] of Object.entries(TEXT_ALIASES)) {
      assert.equal(fromStatus(14, text).code, code);
      assert.equal(fromStatus(14, text).message, text);
    }
  });

  it('reads the reasons of cancelled watches', () => {
    const compacted = fromCancelReason('', 12);
    assert.equal(compacted.code, 'Compacted');
    assert.equal(compacted.compactRevision, 12);
    const code = (reason: string) => fromCancelReason(reason, 0).code;
    assert.equal(code('mvcc: watcher range is empty'), 'WatchRangeEmpty');
    assert.equal(code('etcdserver: mvcc: required revision has been compacted'), 'Compacted');
    assert.equal(
      code('rpc error: code = PermissionDenied desc = etcdserver: permission denied'),
      'PermissionDenied',
    );
    assert.equal(code('rpc error: code = Unavailable desc = something else'), 'Unavailable');
    assert.equal(code('rpc error: code = DeadlineExceeded desc = late'), 'DeadlineExceeded');
    assert.equal(code('something new'), 'WatchCanceled');
    assert.equal(fromCancelReason('something new', 0).message, 'something new');
    assert.equal(fromCancelReason('', 0).message, STORE_ERROR_TEXT.WatchCanceled);
  });

  it('is what docs/errors.md shows', () => {
    const names = Object.fromEntries(Object.entries(GRPC_STATUS).map(([name, n]) => [n, name]));
    const expected = ERROR_TABLE.map(
      (row) => `| \`${row.code}\` | ${names[row.status]} (${row.status}) | ${row.text} |`,
    );
    const page = readFileSync('docs/errors.md', 'utf8');
    const shown = page
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split('|').slice(0, 4).join('|').concat('|'));
    assert.deepEqual(shown, expected);
  });
});
