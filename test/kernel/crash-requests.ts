// Random requests for crash tests. Every transaction puts a marker with its own name, whichever
// branch it takes, so that the history afterwards tells which ones took effect and in what order.
import type { Random } from '../../src/ports/random.js';
import type {
  Compare,
  KeyRange,
  RangeRequest,
  TxnOperation,
  TxnRequest,
} from '../../src/store/index.js';

export const MARK_PREFIX = 'mark/';
const KEY_COUNT = 8;

function randomKey(random: Random): string {
  return `key/${random.below(KEY_COUNT)}`;
}

function randomKeys(random: Random): KeyRange {
  const key = randomKey(random);
  return random.below(3) === 0 ? { key, rangeEnd: randomKey(random) } : { key };
}

export function randomRange(random: Random): RangeRequest {
  return {
    ...randomKeys(random),
    limit: random.below(4),
    countOnly: random.below(6) === 0,
    keysOnly: random.below(6) === 0,
  };
}

export function randomTxn(
  random: Random,
  name: string,
  lease: bigint,
  revision: number,
): TxnRequest {
  const mark: TxnOperation = {
    kind: 'put',
    key: `${MARK_PREFIX}${random.below(4)}`,
    value: name,
    prevKv: random.below(2) === 0,
  };
  const branch = (): TxnOperation[] => {
    const others = Array.from({ length: random.below(4) }, () =>
      randomOperation(random, name, lease),
    );
    // A lease is there to have keys; names keep them apart from those of others.
    const leased: TxnOperation = { kind: 'put', key: `leased/${name}`, value: name, lease };
    return lease === 0n ? [mark, ...others] : [mark, leased, ...others];
  };
  const compare = Array.from({ length: random.below(3) }, () => randomCompare(random, revision));
  return { compare, success: branch(), failure: branch() };
}

function randomOperation(random: Random, name: string, lease: bigint): TxnOperation {
  switch (random.below(4)) {
    case 0:
      return { kind: 'range', ...randomRange(random) };
    case 1:
      return { kind: 'delete', ...randomKeys(random), prevKv: random.below(2) === 0 };
    default:
      return {
        kind: 'put',
        key: randomKey(random),
        value: random.below(30) === 0 ? name.repeat(300) : name,
        lease: random.below(3) === 0 ? lease : 0n,
        prevKv: random.below(2) === 0,
      };
  }
}

function randomCompare(random: Random, revision: number): Compare {
  const operator = (['=', '!=', '>', '<'] as const)[random.below(4)] ?? '=';
  const key = randomKey(random);
  switch (random.below(3)) {
    case 0:
      return { key, operator, target: 'version', operand: random.below(4) };
    case 1:
      return { key, operator, target: 'mod', operand: Math.max(0, revision - random.below(10)) };
    default:
      return { ...randomKeys(random), operator, target: 'value', operand: 'txn 5' };
  }
}
