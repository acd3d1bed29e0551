import type { Kernel } from '../../kernel/index.js';
import type { Answer, Call } from '../check/history.js';
import { isStoreError, type StoreError } from '../../store/index.js';
import { performCall } from './perform-call.js';

/** What a member answers: a result, or an error with its code. */
export type Reply =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'error'; readonly error: StoreError };

/** Makes a call of a kernel's store. @returns the reply; rejects when the kernel is broken */
export async function serveCall(kernel: Kernel, call: Call): Promise<Reply> {
  try {
    return { kind: 'answer', answer: await performCall(kernel.store, call) };
  } catch (error) {
    if (isStoreError(error)) return { kind: 'error', error };
    throw error;
  }
}
