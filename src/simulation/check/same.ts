import {
  equalBytes,
  type KeyValue,
  type RangeData,
  type StoreEvent,
  type TxnData,
  type TxnOperationResult,
} from '../../store/index.js';

/** Equality of answers and events, to the byte. */
export function sameKv(a: KeyValue | undefined, b: KeyValue | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return a === b;
  return (
    a.modRevision === b.modRevision &&
    a.createRevision === b.createRevision &&
    a.version === b.version &&
    a.lease === b.lease &&
    equalBytes(a.key, b.key) &&
    equalBytes(a.value, b.value)
  );
}

export function sameKvs(a: readonly KeyValue[], b: readonly KeyValue[]): boolean {
  return a.length === b.length && a.every((kv, i) => sameKv(kv, b[i]));
}

/** Whether two changes are the same, whatever they show of the pair before. */
export function sameEvent(a: StoreEvent, b: StoreEvent): boolean {
  return a.type === b.type && sameKv(a.kv, b.kv);
}

export function sameEvents(a: readonly StoreEvent[], b: readonly StoreEvent[]): boolean {
  return a.length === b.length && a.every((event, i) => sameEvent(event, b[i] as StoreEvent));
}

export function sameRange(a: RangeData, b: RangeData): boolean {
  return a.count === b.count && a.more === b.more && sameKvs(a.kvs, b.kvs);
}

/** The revision of a nested transaction is left alone: etcd's header there is empty. */
export function sameTxn(a: TxnData, b: TxnData): boolean {
  return (
    a.succeeded === b.succeeded &&
    a.responses.length === b.responses.length &&
    a.responses.every((response, i) => sameResponse(response, b.responses[i]))
  );
}

function sameResponse(a: TxnOperationResult, b: TxnOperationResult | undefined): boolean {
  switch (a.kind) {
    case 'range':
      return b?.kind === 'range' && a.revision === b.revision && sameRange(a, b);
    case 'put':
      return b?.kind === 'put' && a.revision === b.revision && sameKv(a.prevKv, b.prevKv);
    case 'delete':
      return (
        b?.kind === 'delete' &&
        a.revision === b.revision &&
        a.deleted === b.deleted &&
        sameKvs(a.prevKvs, b.prevKvs)
      );
    case 'txn':
      return b?.kind === 'txn' && sameTxn(a, b);
  }
}
