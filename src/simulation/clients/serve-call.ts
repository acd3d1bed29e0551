import type { Kernel } from '../../kernel/index.js';
import type { Answer, Call } from '../check/history.js';
import { isStoreError, type Store, type StoreError } from '../../store/index.js';

/** What a member answers: a result, or an error with its code. */
export type Reply =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'error'; readonly error: StoreError };

/** Makes a call of a kernel's store. @returns the reply; rejects when the kernel is broken */
export async function serveCall(kernel: Kernel, call: Call): Promise<Reply> {
  try {
    return { kind: 'answer', answer: await perform(kernel.store, call) };
  } catch (error) {
    if (isStoreError(error)) return { kind: 'error', error };
    throw error;
  }
}

async function perform(store: Store, call: Call): Promise<Answer> {
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
