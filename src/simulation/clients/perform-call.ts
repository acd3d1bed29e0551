import type { Store } from '../../store/index.js';
import type { Answer, Call } from '../check/history.js';

/** Makes a recorded call of any store. @throws StoreError what the store says */
export async function performCall(store: Store, call: Call): Promise<Answer> {
  switch (call.kind) {
    case 'range':
      return { kind: 'range', result: await store.range(call.request) };
    case 'put':
      return { kind: 'put', result: await store.put(call.request) };
    case 'delete':
      return { kind: 'delete', result: await store.delete(call.request) };
    case 'txn':
      return { kind: 'txn', result: await store.txn(call.request) };
    case 'compact':
      return { kind: 'compact', result: await store.compact(call.request) };
    case 'leaseGrant':
      return { kind: 'leaseGrant', result: await store.leases.grant(call.request) };
    case 'leaseRevoke':
      return { kind: 'leaseRevoke', result: await store.leases.revoke(call.id) };
    case 'leaseKeepAlive':
      return { kind: 'leaseKeepAlive', result: await store.leases.keepAlive(call.id) };
    case 'leaseTimeToLive':
      return { kind: 'leaseTimeToLive', result: await store.leases.timeToLive(call.request) };
    case 'leaseList':
      return { kind: 'leaseList', result: await store.leases.list() };
  }
}
