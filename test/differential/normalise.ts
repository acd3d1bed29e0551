// What may differ between two servers that answer the same: ids, terms, lease ids that a server
// picked, time that passed, and orders that etcd leaves open. Everything else stays in the answer.
import type { Message } from '@bufbuild/protobuf';
import type {
  RangeRequest,
  RangeResponse,
  RequestOp,
  TxnRequest,
  TxnResponse,
} from '../../src/wire/gen/etcdserverpb/kv_pb.js';
import { type PlainFields, type Plain, plainOf, showBytes } from './plain.js';
import type { Answer } from './raw-client.js';
import type { Side } from './server-pair.js';
import type { Step } from './step-maker.js';

/** The answer of one side in the form that is compared. */
export function normalise(step: Step, answer: Answer, side: Side): PlainFields {
  if (answer.kind === 'status') return { code: answer.code, details: answer.details };
  if (step.method === 'range') {
    settleRange(step.request as RangeRequest, answer.message as RangeResponse);
  } else if (step.method === 'txn') {
    settleTxn(step.request as TxnRequest, answer.message as TxnResponse);
  }
  const plain = plainOf(answer.message);
  hideHeader(plain, side);
  if (step.method === 'leaseLeases') {
    const ids = (plain['leases'] as PlainFields[]).map(({ ID }) => hideLease(ID, side));
    plain['leases'] = ids.toSorted();
  }
  if (step.method.startsWith('lease') && 'ID' in plain) plain['ID'] = hideLease(plain['ID'], side);
  if (step.method === 'leaseTimeToLive') {
    // etcd keeps the keys of a lease in a map, in no order.
    plain['keys'] = (plain['keys'] as string[]).toSorted();
  }
  return plain;
}

/** Ids are compared with those of the side's first answer; the term is its own affair. */
function hideHeader(plain: PlainFields, side: Side): void {
  const header = plain['header'] as PlainFields | undefined;
  if (header === undefined) return;
  side.clusterId ??= BigInt(header['clusterId'] as string);
  side.memberId ??= BigInt(header['memberId'] as string);
  if (header['clusterId'] === String(side.clusterId)) header['clusterId'] = 'the cluster';
  if (header['memberId'] === String(side.memberId)) header['memberId'] = 'the member';
  if (header['raftTerm'] !== '0') header['raftTerm'] = 'a term';
}

function hideLease(id: Plain, side: Side): string {
  for (const [index, picked] of side.pickedLeases) {
    if (String(picked) === id) return `picked ${index}`;
  }
  return typeof id === 'string' ? id : 'no id';
}

function settleTxn(request: TxnRequest, response: TxnResponse): void {
  const operations = response.succeeded ? request.success : request.failure;
  for (const [at, { response: result }] of response.responses.entries()) {
    settleOperation(operations[at], result);
  }
}

function settleOperation(
  operation: RequestOp | undefined,
  result: TxnResponse['responses'][number]['response'],
): void {
  const asked = operation?.request;
  if (asked?.case === 'requestRange' && result.case === 'responseRange') {
    settleRange(asked.value, result.value);
  } else if (asked?.case === 'requestTxn' && result.case === 'responseTxn') {
    settleTxn(asked.value, result.value);
  }
}

/**
 * Under an order that is not by key, pairs that are equal in it may come in any order (etcd's sort
 * is not stable), and a limit may cut anywhere among them: equal pairs are put in the order of
 * their keys, and of those at the cut only the sorted-by field is compared.
 */
function settleRange(request: RangeRequest, response: RangeResponse): void {
  const field = SORT_FIELDS[request.sortTarget];
  if (field === undefined || response.kvs.length === 0) return;
  if (request.keysOnly && field === 'value') return;
  type Pair = RangeResponse['kvs'][number];
  const show = (kv: Pair): string => (field === 'value' ? showBytes(kv.value) : String(kv[field]));
  const groups: Pair[][] = [];
  for (const kv of response.kvs) {
    const last = groups.at(-1);
    if (last?.[0] !== undefined && show(last[0]) === show(kv)) last.push(kv);
    else groups.push([kv]);
  }
  if (response.more) {
    for (const kv of groups.at(-1) ?? []) keepOnly(kv, field);
  }
  response.kvs = groups.flatMap((group) =>
    group.toSorted((a, b) => (showBytes(a.key) < showBytes(b.key) ? -1 : 1)),
  );
}

const SORT_FIELDS: Readonly<
  Record<number, 'version' | 'createRevision' | 'modRevision' | 'value' | undefined>
> = { 1: 'version', 2: 'createRevision', 3: 'modRevision', 4: 'value' };

function keepOnly(kv: RangeResponse['kvs'][number], field: string): void {
  for (const name of ['version', 'createRevision', 'modRevision', 'lease'] as const) {
    if (name !== field) kv[name] = 0n;
  }
  for (const name of ['key', 'value'] as const) {
    if (name !== field) kv[name] = new Uint8Array(0);
  }
}

/** Seconds that may pass between the two servers' answers to one request. */
const CLOCK_SLACK_SECONDS = 2;

/** Makes what is left of two leases equal if the difference is only the time that passed. */
export function forgiveTime(ours: PlainFields, etcd: PlainFields): void {
  const left = Number(ours['TTL']);
  const other = Number(etcd['TTL']);
  if (left >= 0 && other >= 0 && Math.abs(left - other) <= CLOCK_SLACK_SECONDS) {
    ours['TTL'] = etcd['TTL'];
  }
}

/** The revision that an answer's header names, if it has one. */
export function revisionOf(answer: Answer): number | undefined {
  if (answer.kind === 'status') return undefined;
  const { header } = answer.message as Message & { header?: { revision: bigint } };
  return header === undefined ? undefined : Number(header.revision);
}
