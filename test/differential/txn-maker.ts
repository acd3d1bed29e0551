// Random transactions: nested, with every comparison there is, with keys that are touched twice,
// with too many operations, and with operations that do nothing.
import { create } from '@bufbuild/protobuf';
import {
  type Compare,
  type Compare_CompareResult,
  type Compare_CompareTarget,
  CompareSchema,
  type RangeRequest_SortOrder,
  type RequestOp,
  RequestOpSchema,
  type TxnRequest,
  TxnRequestSchema,
} from '../../src/wire/gen/etcdserverpb/kv_pb.js';
import { randomBytes, randomKey, randomRangeEnd } from './random-keys.js';
import type { StepMaker } from './step-maker.js';

const DEPTH_MAX = 3;
/** etcd's default bound, and ours. */
const OPERATIONS_MAX = 128;

export function makeTxn(maker: StepMaker): TxnRequest {
  const request = makeLevel(maker, 0);
  // A put that keeps what an open delete before it took away would end etcd's process.
  if (hasOpenDelete(request)) keepNothing(request);
  return request;
}

function operationsOf(request: TxnRequest): RequestOp['request'][] {
  const own = [...request.success, ...request.failure].map((operation) => operation.request);
  return own.flatMap((operation) =>
    operation.case === 'requestTxn' ? operationsOf(operation.value) : [operation],
  );
}

function hasOpenDelete(request: TxnRequest): boolean {
  return operationsOf(request).some(
    ({ case: kind, value }) =>
      kind === 'requestDeleteRange' && value.rangeEnd.length === 1 && value.rangeEnd[0] === 0,
  );
}

function keepNothing(request: TxnRequest): void {
  for (const { case: kind, value } of operationsOf(request)) {
    if (kind !== 'requestPut') continue;
    value.ignoreValue = false;
    value.ignoreLease = false;
  }
}

function makeLevel(maker: StepMaker, depth: number): TxnRequest {
  const { random } = maker;
  if (depth === 0 && maker.chance(60)) return undefinedCompare(maker);
  const list = <T>(most: number, make: () => T): T[] =>
    Array.from({ length: random.below(most + 1) }, make);
  const request = create(TxnRequestSchema, {
    compare: list(3, () => makeCompare(maker)),
    success: list(3, () => makeOperation(maker, depth)),
    failure: list(3, () => makeOperation(maker, depth)),
  });
  if (depth > 0 || !maker.chance(60)) return request;
  // Around the bound, of the cheapest kind.
  const count = OPERATIONS_MAX - 1 + random.below(3);
  const ranges = Array.from({ length: count }, () => makeRange(maker));
  if (maker.chance(3)) request.failure = [...ranges, ...request.failure].slice(0, count);
  else request.success = [...ranges, ...request.success].slice(0, count);
  return request;
}

function makeOperation(maker: StepMaker, depth: number): RequestOp {
  const roll = maker.random.below(20);
  if (roll === 0 && maker.chance(4)) return create(RequestOpSchema);
  if (roll < 7) return makeRange(maker);
  if (roll < 13) {
    return create(RequestOpSchema, { request: { case: 'requestPut', value: maker.put() } });
  }
  if (roll < 17 || depth >= DEPTH_MAX) {
    const value = maker.deleteRange();
    return create(RequestOpSchema, { request: { case: 'requestDeleteRange', value } });
  }
  const value = makeLevel(maker, depth + 1);
  return create(RequestOpSchema, { request: { case: 'requestTxn', value } });
}

function makeRange(maker: StepMaker): RequestOp {
  const value = maker.range();
  // A bad revision fails the whole transaction; mostly it should run.
  if (!maker.chance(5)) value.revision = 0n;
  // etcd 3.4 runs what later ones refuse, after which the two stores would go separate ways.
  value.sortOrder = Math.min(value.sortOrder, 2) as RangeRequest_SortOrder;
  return create(RequestOpSchema, { request: { case: 'requestRange', value } });
}

function makeCompare(maker: StepMaker): Compare {
  const { random } = maker;
  const compare = create(CompareSchema, {
    result: random.below(4) as Compare_CompareResult,
    target: random.below(5) as Compare_CompareTarget,
    key: randomKey(random),
    rangeEnd: maker.chance(4) ? randomRangeEnd(random) : new Uint8Array(0),
  });
  const number = (): bigint => (maker.chance(2) ? maker.revision() : BigInt(random.below(4)));
  // Now and then the operand belongs to another target, or is not given.
  const union = maker.chance(30) ? random.below(6) : compare.target;
  if (union === 0) compare.targetUnion = { case: 'version', value: BigInt(random.below(4)) };
  if (union === 1) compare.targetUnion = { case: 'createRevision', value: number() };
  if (union === 2) compare.targetUnion = { case: 'modRevision', value: number() };
  if (union === 3) compare.targetUnion = { case: 'value', value: randomBytes(random) };
  if (union === 4) {
    compare.targetUnion = { case: 'lease', value: maker.chance(2) ? maker.leaseId() : 0n };
  }
  return compare;
}

/**
 * A comparison beyond those that are defined; it stands alone, since only etcd goes on after it.
 */
function undefinedCompare(maker: StepMaker): TxnRequest {
  const compare = makeCompare(maker);
  if (maker.chance(2)) compare.result = 7 as Compare_CompareResult;
  else compare.target = 9 as Compare_CompareTarget;
  return create(TxnRequestSchema, { compare: [compare] });
}
