import {
  type Compare,
  compareBytes,
  type DeleteRequest,
  equalBytes,
  EMPTY_BYTES,
  type KeyRange,
  type KeyValue,
  type PutRequest,
  type RangeData,
  type RangeRequest,
  type RevisionBatch,
  type StoreEvent,
  StoreError,
  toBytes,
  toInterval,
  type TxnData,
  type TxnOperation,
  type TxnOperationResult,
  type TxnRequest,
} from '../../store/index.js';
import { fromKeyText, inRange, type KeyText, toKeyText } from './model-keys.js';

type State = ReadonlyMap<KeyText, KeyValue>;

/**
 * etcd's multiversion keys and values in their plainest form: the list of everything that ever
 * happened, and the state that follows from it. It is the oracle that other implementations are
 * compared with, so it prefers being obviously right over being fast.
 *
 * @example
 * const { kv } = new ModelWorld().server;
 * console.log(kv.revision, kv.range({ key: 'a' }).kvs);
 */
export class ModelKv {
  /** Every revision with its events, each with the pair before it; nothing is ever removed. */
  readonly history: RevisionBatch[] = [];
  /** The revision of the last change; 1 when there was none. */
  revision = 1;
  /** The oldest revision that may be read; 0 before the first compaction. */
  compactedRevision = 0;
  #now: State = new Map();
  readonly #leaseExists: (id: bigint) => boolean;

  constructor(leaseExists: (id: bigint) => boolean) {
    this.#leaseExists = leaseExists;
  }

  range(request: RangeRequest): RangeData {
    this.#checkRevision(request);
    return select(this.#stateAt(request.revision ?? 0), request);
  }

  put(request: PutRequest): KeyValue | undefined {
    // By itself a put names a missing lease first, in a transaction a missing key.
    this.#checkLease(request);
    const [result] = this.txn({ success: [{ ...request, kind: 'put' }] }).responses;
    if (result?.kind !== 'put') throw new Error('a put answered as something else');
    return result.prevKv;
  }

  delete(request: DeleteRequest): { deleted: number; prevKvs: readonly KeyValue[] } {
    const [result] = this.txn({ success: [{ ...request, kind: 'delete' }] }).responses;
    if (result?.kind !== 'delete') throw new Error('a delete answered as something else');
    return { deleted: result.deleted, prevKvs: result.prevKvs };
  }

  /**
   * Judges every comparison on the state before, checks what will run, then runs it as one
   * revision.
   */
  txn(request: TxnRequest): TxnData {
    const path = this.#choose(request);
    this.#checkPath(path, 'put');
    this.#checkPath(path, 'range');
    const draft = new Draft(this, this.#now);
    const data = draft.run(path);
    this.#commit(draft);
    return data;
  }

  /** Deletes the keys of a lease in one revision, in byte order. */
  deleteLeaseKeys(lease: bigint): void {
    const draft = new Draft(this, this.#now);
    for (const kv of this.leaseKeys(lease)) draft.delete({ key: kv.key });
    this.#commit(draft);
  }

  /** The pairs attached to a lease, in byte order. */
  leaseKeys(lease: bigint): KeyValue[] {
    return sortedByKey(this.#now).filter((kv) => kv.lease === lease);
  }

  compact(revision: number): void {
    if (revision <= this.compactedRevision) throw this.compacted();
    if (revision > this.revision) throw new StoreError('FutureRevision');
    this.compactedRevision = revision;
  }

  compacted(): StoreError {
    return new StoreError('Compacted', undefined, { compactRevision: this.compactedRevision });
  }

  /** The state after `revision`, by doing everything again. */
  #stateAt(revision: number): State {
    if (revision <= 0 || revision === this.revision) return this.#now;
    const state = new Map<KeyText, KeyValue>();
    for (const batch of this.history) {
      if (batch.revision > revision) break;
      for (const event of batch.events) applyEvent(state, event);
    }
    return state;
  }

  #choose(request: TxnRequest): Path {
    const succeeded = (request.compare ?? []).every((compare) => holds(this.#now, compare));
    const branch = (succeeded ? request.success : request.failure) ?? [];
    const steps = branch.map((operation) => ({
      operation,
      path: operation.kind === 'txn' ? this.#choose(operation) : undefined,
    }));
    return { succeeded, steps };
  }

  /** Every put is looked at before the first range is. */
  #checkPath(path: Path, kind: 'put' | 'range'): void {
    for (const { operation, path: inner } of path.steps) {
      if (inner !== undefined) this.#checkPath(inner, kind);
      else if (kind === 'range' && operation.kind === kind) this.#checkTxnRevision(operation);
      else if (kind === 'put' && operation.kind === kind) this.#checkPut(operation);
    }
  }

  #checkRevision({ revision = 0 }: RangeRequest): void {
    if (revision > this.revision) throw new StoreError('FutureRevision');
    if (revision > 0 && revision < this.compactedRevision) throw this.compacted();
  }

  /** In a transaction a negative revision is one from before history, not the current one. */
  #checkTxnRevision(request: RangeRequest): void {
    const { revision = 0 } = request;
    if (revision < 0 && revision < (this.compactedRevision || -1)) throw this.compacted();
    this.#checkRevision(request);
  }

  #checkPut(request: PutRequest): void {
    const needsKey = request.ignoreValue === true || request.ignoreLease === true;
    if (needsKey && !this.#now.has(toKeyText(request.key))) throw new StoreError('KeyNotFound');
    this.#checkLease(request);
  }

  #checkLease(request: PutRequest): void {
    const lease = request.lease ?? 0n;
    if (lease !== 0n && !this.#leaseExists(lease)) throw new StoreError('LeaseNotFound');
  }

  #commit(draft: Draft): void {
    if (draft.events.length === 0) return;
    this.revision += 1;
    this.history.push({ revision: this.revision, events: draft.events });
    this.#now = draft.state;
  }
}

/** Which branches of a transaction run, decided before the first step. */
interface Path {
  readonly succeeded: boolean;
  readonly steps: readonly { readonly operation: TxnOperation; readonly path: Path | undefined }[];
}

/** A revision in the making. */
class Draft {
  readonly state: Map<KeyText, KeyValue>;
  readonly events: StoreEvent[] = [];
  readonly #before: number;
  readonly #stateBefore: State;

  constructor(kv: ModelKv, state: State) {
    this.state = new Map(state);
    this.#stateBefore = state;
    this.#before = kv.revision;
  }

  run(path: Path): TxnData {
    const responses = path.steps.map((step) => this.#step(step));
    return { succeeded: path.succeeded, responses };
  }

  delete(request: DeleteRequest): readonly KeyValue[] {
    const gone = sortedByKey(this.state).filter((kv) => inRange(toKeyText(kv.key), request));
    for (const prevKv of gone) {
      const kv = { ...NOTHING, key: prevKv.key, modRevision: this.#before + 1 };
      // An event shows the pair before the revision, not one that the revision itself made.
      const earlier = this.#stateBefore.get(toKeyText(kv.key));
      this.#record({ type: 'delete', kv, ...(earlier === undefined ? {} : { prevKv: earlier }) });
    }
    return gone;
  }

  get #revision(): number {
    return this.events.length > 0 ? this.#before + 1 : this.#before;
  }

  #step({ operation, path }: Path['steps'][number]): TxnOperationResult {
    switch (operation.kind) {
      case 'range':
        return { kind: 'range', ...select(this.state, operation), revision: this.#revision };
      case 'put': {
        const prevKv = this.#put(operation);
        const asked = operation.prevKv === true && prevKv !== undefined;
        return { kind: 'put', revision: this.#revision, ...(asked ? { prevKv } : {}) };
      }
      case 'delete': {
        const gone = this.delete(operation);
        const prevKvs = operation.prevKv === true ? gone : [];
        return { kind: 'delete', revision: this.#revision, deleted: gone.length, prevKvs };
      }
      case 'txn': {
        if (path === undefined) throw new Error('a nested transaction was not judged');
        const data = this.run(path);
        return { kind: 'txn', revision: this.#revision, ...data };
      }
    }
  }

  #put(request: PutRequest): KeyValue | undefined {
    const key = toKeyText(request.key);
    const prevKv = this.state.get(key);
    const revision = this.#before + 1;
    const kv: KeyValue = {
      key: fromKeyText(key),
      value:
        request.ignoreValue === true ? (prevKv ?? NOTHING).value : toBytes(request.value).slice(),
      createRevision: prevKv?.createRevision ?? revision,
      modRevision: revision,
      version: (prevKv?.version ?? 0) + 1,
      lease: request.ignoreLease === true ? (prevKv ?? NOTHING).lease : (request.lease ?? 0n),
    };
    this.#record({ type: 'put', kv, ...(prevKv === undefined ? {} : { prevKv }) });
    return prevKv;
  }

  #record(event: StoreEvent): void {
    this.events.push(event);
    applyEvent(this.state, event);
  }
}

const NOTHING: KeyValue = {
  key: EMPTY_BYTES,
  value: EMPTY_BYTES,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: 0n,
};

function applyEvent(state: Map<KeyText, KeyValue>, event: StoreEvent): void {
  const key = toKeyText(event.kv.key);
  if (event.type === 'put') state.set(key, event.kv);
  else state.delete(key);
}

function sortedByKey(state: State): KeyValue[] {
  return [...state.values()].toSorted((a, b) => compareBytes(a.key, b.key));
}

function within(state: State, range: KeyRange): KeyValue[] {
  if (toBytes(range.rangeEnd).length === 0) {
    const kv = state.get(toKeyText(range.key));
    return kv === undefined ? [] : [kv];
  }
  const { start, end } = toInterval(range);
  const from = toKeyText(start);
  const to = end === null || end === undefined ? undefined : toKeyText(end);
  const found = [...state].filter(([key]) => key >= from && (to === undefined || key < to));
  return sortedByKey(new Map(found));
}

function select(state: State, request: RangeRequest): RangeData {
  const all = within(state, request);
  if (request.countOnly === true) return { kvs: [], more: false, count: all.length };
  const kept = all.filter(
    (kv) =>
      kv.modRevision >= (request.minModRevision ?? 0) &&
      kv.modRevision <= (request.maxModRevision || Number.POSITIVE_INFINITY) &&
      kv.createRevision >= (request.minCreateRevision ?? 0) &&
      kv.createRevision <= (request.maxCreateRevision || Number.POSITIVE_INFINITY),
  );
  const limit = (request.limit ?? 0) > 0 ? (request.limit ?? 0) : kept.length;
  // Without filters and without an order, etcd sorts only what it fetched: the first by key.
  const isFiltered = FILTERS.some((filter) => (request[filter] ?? 0) !== 0);
  const fetchesAll = isFiltered || (request.sortOrder ?? 'none') !== 'none';
  const sorted = sort(fetchesAll ? kept : kept.slice(0, limit + 1), request);
  const kvs = sorted.slice(0, limit);
  return {
    kvs: request.keysOnly === true ? kvs.map((kv) => ({ ...kv, value: EMPTY_BYTES })) : kvs,
    more: sorted.length > limit,
    count: all.length,
  };
}

const FILTERS = [
  'minModRevision',
  'maxModRevision',
  'minCreateRevision',
  'maxCreateRevision',
] as const;

function sort(kvs: readonly KeyValue[], request: RangeRequest): KeyValue[] {
  const target = request.sortTarget ?? 'key';
  const sign = request.sortOrder === 'descend' ? -1 : 1;
  return kvs.toSorted((a, b) => {
    switch (target) {
      case 'key':
        return sign * compareBytes(a.key, b.key);
      case 'value':
        return sign * compareBytes(a.value, b.value);
      case 'version':
        return sign * (a.version - b.version);
      case 'create':
        return sign * (a.createRevision - b.createRevision);
      case 'mod':
        return sign * (a.modRevision - b.modRevision);
    }
  });
}

function holds(state: State, compare: Compare): boolean {
  const found = within(state, compare);
  if (found.length > 0) return found.every((kv) => pairHolds(kv, compare));
  return compare.target !== 'value' && pairHolds(NOTHING, compare);
}

function pairHolds(kv: KeyValue, compare: Compare): boolean {
  const order = compareTarget(kv, compare);
  switch (compare.operator) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '>':
      return order > 0;
    case '<':
      return order < 0;
  }
}

function compareTarget(kv: KeyValue, compare: Compare): number {
  switch (compare.target) {
    case 'version':
      return kv.version - compare.operand;
    case 'create':
      return kv.createRevision - compare.operand;
    case 'mod':
      return kv.modRevision - compare.operand;
    case 'lease':
      return kv.lease === compare.operand ? 0 : kv.lease < compare.operand ? -1 : 1;
    case 'value': {
      const operand = toBytes(compare.operand);
      return equalBytes(kv.value, operand) ? 0 : compareBytes(kv.value, operand);
    }
  }
}
