// Proves that every failure becomes one line with what to do next, and the exit code that is
// documented for it.
import assert from 'node:assert/strict';
import { CliError } from '../../src/cli/cli-error.js';
import { failureOf } from '../../src/cli/failure.js';
import { CoordinationError } from '../../src/recipes/index.js';
import { StoreError } from '../../src/store/index.js';

describe('failureOf', () => {
  const cases: readonly (readonly [unknown, number, RegExp])[] = [
    [new CliError(3, 'not there'), 3, /^not there$/],
    [
      new StoreError('Compacted', undefined, { compactRevision: 9 }),
      1,
      /compacted; .*begins at 9$/,
    ],
    [new StoreError('Compacted'), 1, /compacted; take a revision within the history that is kept$/],
    [new StoreError('FutureRevision'), 1, /`tidelock status` shows the newest/],
    [new StoreError('NoSpace'), 1, /make room, then `tidelock alarm disarm`/],
    [
      new CoordinationError('StoreRefused', 'refused', { cause: new StoreError('NoSpace') }),
      1,
      /^etcdserver: mvcc: database space exceeded; make room/,
    ],
    [new StoreError('InvalidArgument', 'endpoint "x"'), 2, /^endpoint "x"$/],
    [new StoreError('Unavailable', 'two\n lines'), 4, /^two lines; is a server running at U\?/],
    [new StoreError('Timeout'), 4, /request timed out, by a server that answers; `tidelock/],
    [
      new StoreError('NoLeader'),
      4,
      /no leader: .* a majority is missing; `tidelock status --cluster --endpoints U` shows who/,
    ],
    [
      new CoordinationError('Unavailable', 'no', { cause: new StoreError('NoLeader') }),
      4,
      /^no: .* a majority is missing/,
    ],
    [new CoordinationError('LockLost', 'lost it', { loss: { kind: 'expired' } }), 5, /^lost it$/],
    [
      new CoordinationError('SessionLost', 'lost it', { loss: { kind: 'expired' } }),
      5,
      /^lost it$/,
    ],
    [new CoordinationError('Unavailable', 'gone'), 4, /^gone; is a server running at U\?/],
    [new CoordinationError('Timeout', 'not done'), 4, /^not done; is a server running at U\?/],
    [new CoordinationError('InvalidArgument', 'bad name'), 2, /^bad name$/],
    [new CoordinationError('NotOwner', 'not yours'), 1, /^not yours$/],
    [new Error('surprise'), 1, /^surprise$/],
    ['a string', 1, /^a string$/],
  ];
  for (const [error, exitCode, line] of cases) {
    it(`${String(error)}: ${exitCode}`, async () => {
      const failure = await failureOf(error, 'U');
      assert.equal(failure.exitCode, exitCode);
      assert.match(failure.line, line);
      assert.ok(!failure.line.includes('\n'));
    });
  }
});
