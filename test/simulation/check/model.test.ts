// Proves the checkers' model by another one: random requests on both must give the same answers,
// the same events and the same state, at every revision.
import assert from 'node:assert/strict';
import { KvModel } from '../../../src/simulation/check/model.js';
import { tryRange, tryTxn } from '../../../src/simulation/check/model-txn.js';
import { sameEvents, sameRange, sameTxn } from '../../../src/simulation/check/same.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import type {
  Compare,
  KeyRange,
  RangeRequest,
  RevisionBatch,
  TxnOperation,
  TxnRequest,
} from '../../../src/store/index.js';
import { ModelKv } from '../../../src/simulation/model/model-kv.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 5);
const ROUNDS = 3000;
const KEYS = ['a', 'ab', 'b', 'c', 'cé', 'd\u0000', 'd'];

class Requests {
  readonly #random: SimRandom;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  txn(depth = 0): TxnRequest {
    const list = <T>(make: () => T): T[] => Array.from({ length: this.#random.below(3) }, make);
    // A key that is put twice would be refused before it came here.
    const keys = KEYS.filter(() => this.#random.below(2) === 0);
    const puts = keys.map((key): TxnOperation => ({ kind: 'put', ...this.#put(key) }));
    const others = list(() => this.#operation(depth));
    const turn = this.#random.below(2) === 0;
    return {
      compare: list(() => this.#compare()),
      success: turn ? [...others, ...puts] : others,
      failure: turn ? others : [...puts, ...others],
    };
  }

  range(): RangeRequest {
    const orders = ['none', 'ascend', 'descend'] as const;
    const targets = ['key', 'version', 'create', 'mod', 'value'] as const;
    return {
      ...this.#keys(),
      limit: this.#random.below(4),
      sortOrder: this.#pick(orders),
      sortTarget: this.#pick(targets),
      keysOnly: this.#random.below(4) === 0,
      countOnly: this.#random.below(8) === 0,
      minModRevision: this.#random.below(3) === 0 ? this.#random.below(9) : 0,
      maxCreateRevision: this.#random.below(3) === 0 ? this.#random.below(30) : 0,
    };
  }

  #operation(depth: number): TxnOperation {
    const dice = this.#random.below(5);
    if (dice < 2) return { kind: 'range', ...this.range() };
    if (dice < 4 || depth > 1) return { kind: 'delete', ...this.#keys(), prevKv: dice === 2 };
    return {
      kind: 'txn',
      compare: [this.#compare()],
      failure: [{ kind: 'range', ...this.range() }],
    };
  }

  #put(key: string) {
    const lease = BigInt(this.#random.below(3));
    const value = `v${this.#random.below(5)}`;
    return { key, value, lease, prevKv: this.#random.below(2) === 0 };
  }

  #compare(): Compare {
    const range = this.#keys();
    const operator = this.#pick(['=', '!=', '>', '<'] as const);
    const target = this.#pick(['version', 'create', 'mod', 'lease', 'value'] as const);
    const number = this.#random.below(8);
    if (target === 'lease') return { ...range, operator, target, operand: BigInt(number % 3) };
    if (target === 'value') return { ...range, operator, target, operand: `v${number}` };
    return { ...range, operator, target, operand: number };
  }

  #keys(): KeyRange {
    const key = this.#pick(KEYS);
    const dice = this.#random.below(4);
    if (dice < 2) return { key };
    return { key, rangeEnd: dice === 2 ? '\u0000' : this.#pick(KEYS) };
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#random.below(choices.length)] as T;
  }
}

describe(`the model of the checkers (TIDELOCK_SEED=${SEED})`, () => {
  it('answers and changes what the plain model does', () => {
    const random = new SimRandom(SEED);
    const requests = new Requests(random);
    const plain = new ModelKv(() => true);
    const model = new KvModel();
    for (let round = 0; round < ROUNDS; round++) {
      const where = `TIDELOCK_SEED=${SEED}, round ${round}`;
      const request = requests.txn();
      const answer = tryTxn(model, request);
      const { events } = model;
      const before = plain.history.length;
      const expected = plain.txn(request);
      assert.ok(!('refusal' in answer) && sameTxn(expected, answer), where);
      const batch = plain.history[before] as RevisionBatch | undefined;
      assert.ok(sameEvents(events, batch?.events ?? []), where);
      if (batch === undefined) model.rollback();
      else model.apply(batch);
      const range = requests.range();
      const revision = 1 + random.below(plain.revision);
      for (const asked of [range, { ...range, revision }]) {
        const found = tryRange(model, asked);
        assert.ok('kvs' in found && sameRange(plain.range(asked), found), where);
      }
      const attached = plain.leaseKeys(1n).map(({ key }) => String.fromCharCode(...key));
      assert.deepEqual(model.attachedTo(1n), attached, where);
    }
  });

  it('takes back what was only tried', () => {
    const model = new KvModel();
    const kv = { key: Uint8Array.of(97), value: Uint8Array.of(1), lease: 3n };
    const numbers = { createRevision: 2, modRevision: 2, version: 1 };
    model.apply({ revision: 2, events: [{ type: 'put', kv: { ...kv, ...numbers } }] });
    tryTxn(model, {
      success: [
        { kind: 'delete', key: 'a' },
        { kind: 'put', key: 'b', lease: 3n },
      ],
    });
    assert.deepEqual(model.attachedTo(3n), ['b']);
    model.rollback();
    assert.deepEqual(model.attachedTo(3n), ['a']);
    assert.deepEqual(model.get('a')?.value, kv.value);
    assert.equal(model.get('b'), undefined);
  });
});
