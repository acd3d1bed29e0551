// Proves that the side of the resource refuses old holders: in memory, in a header that is read
// strictly, and in the text of an update that no value or name can get into.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import { FenceGate } from '../../../src/recipes/lock/fence-gate.js';
import {
  FENCE_HEADER,
  fenceHeaders,
  fenceOf,
  type HeaderSource,
} from '../../../src/recipes/lock/fence-header.js';
import { fencedUpdate, type FencedUpdateTerms } from '../../../src/recipes/lock/fence-sql.js';
import { World } from '../../support/world.js';

const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('a fence gate', () => {
  it('lets equal and larger fences through and never a smaller one again', () => {
    const gate = new FenceGate();
    assert.deepEqual(
      [3, 3, 7, 5, 7, 3, 8].map((fence) => gate.admits(fence)),
      [true, true, true, false, true, false, true],
    );
    assert.equal(gate.highest, 8);
    const restarted = new FenceGate(gate.highest);
    assert.equal(restarted.admits(7), false);
    assert.equal(restarted.admits(8), true);
  });

  it('takes nothing for a fence that is none, and does not move by it', () => {
    const gate = new FenceGate(5);
    for (const bad of [0, -1, 1.5, Number.NaN, Infinity, 2 ** 53]) {
      assert.throws(() => gate.admits(bad), is('InvalidArgument'), String(bad));
      if (bad !== 0) assert.throws(() => new FenceGate(bad), is('InvalidArgument'), String(bad));
    }
    assert.equal(gate.highest, 5);
  });

  it('refuses a holder that slept, from the first request of the next one on', async () => {
    const world = new World();
    const [a, b] = [world.client('a'), world.client('b')];
    const gate = new FenceGate();
    const old = await world.run(a.coord.lock('jobs').acquire());
    assert.ok(gate.admits(old.fence));
    a.block();
    const next = await world.run(b.coord.lock('jobs').acquire());
    assert.ok(gate.admits(next.fence));
    assert.equal(gate.admits(old.fence), false);
  });
});

describe('a fence in a header', () => {
  const read = (value: string | readonly string[]): number => fenceOf({ [FENCE_HEADER]: value });

  it('arrives as it was sent, whatever the headers are', () => {
    const headers = fenceHeaders({ fence: 42 });
    assert.deepEqual(headers, { 'tidelock-fence': '42' });
    assert.equal(fenceOf(headers), 42);
    assert.equal(fenceOf(new Headers(headers)), 42);
    assert.equal(fenceOf({ 'Tidelock-Fence': ['42'] }), 42);
    assert.equal(read(String(Number.MAX_SAFE_INTEGER)), Number.MAX_SAFE_INTEGER);
  });

  it('is refused by its name when it is anything but one positive integer', () => {
    const bad = ['', '0', '-1', '+1', ' 1', '1 ', '01', '1.0', '1e3', '0x1', '١', '1, 2', 'x'];
    bad.push('9007199254740992', '99999999999999999999', '1'.repeat(10_000));
    const sources: HeaderSource[] = bad.map((value) => ({ [FENCE_HEADER]: value }));
    sources.push({}, { get: () => null }, { [FENCE_HEADER]: ['1', '2'] }, { [FENCE_HEADER]: [] });
    sources.push({ 'tidelock-fence': '1', 'Tidelock-Fence': '2' });
    for (const source of sources) {
      assert.throws(
        () => fenceOf(source),
        (error: unknown) => {
          assert.ok(isCoordinationError(error, 'InvalidArgument'));
          assert.match(error.message, /^header tidelock-fence /);
          return error.message.length < 120;
        },
        JSON.stringify(source).slice(0, 60),
      );
    }
  });
});

describe('a fenced update', () => {
  const terms: FencedUpdateTerms = {
    dialect: 'postgres',
    table: 'bank.accounts',
    set: { balance: 7, note: null },
    where: { id: 'a', closed: null },
  };

  it('compares and writes the fence in one statement, for each dialect', () => {
    const { text, params } = fencedUpdate(terms, 9);
    assert.equal(
      text,
      'UPDATE "bank"."accounts" SET "balance" = $1, "note" = $2, "fence" = $3 ' +
        'WHERE "id" = $4 AND "closed" IS NULL AND "fence" <= $5',
    );
    assert.deepEqual(params, [7, null, 9, 'a', 9]);
    const mysql = fencedUpdate({ ...terms, dialect: 'mysql', fenceColumn: 'token' }, 9);
    assert.equal(
      mysql.text,
      'UPDATE `bank`.`accounts` SET `balance` = ?, `note` = ?, `token` = ? ' +
        'WHERE `id` = ? AND `closed` IS NULL AND `token` <= ?',
    );
    assert.deepEqual(mysql.params, params);
    assert.match(fencedUpdate({ ...terms, dialect: 'sqlite' }, 9).text, /"fence" <= \?$/);
  });

  it('has no place for a name that is more than a name, nor for half a statement', () => {
    const bad: Partial<FencedUpdateTerms>[] = [
      { table: 'accounts; DROP TABLE accounts' },
      { table: 'a"b' },
      { table: '' },
      { table: 'a..b' },
      { set: {} },
      { set: { 'balance = 0 --': 1 } },
      { set: { fence: 1 } },
      { where: {} },
      { where: { '1 = 1 OR id': 'a' } },
      { fenceColumn: 'x`y' },
    ];
    for (const change of bad) {
      const all = { ...terms, ...change };
      assert.throws(() => fencedUpdate(all, 9), is('InvalidArgument'), JSON.stringify(change));
    }
    assert.throws(() => fencedUpdate(terms, 0), is('InvalidArgument'));
  });
});
