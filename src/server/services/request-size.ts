import { StoreError } from '../../store/index.js';

/**
 * What etcd adds to a request before it measures it: the request's header with its id, and the tag
 * and length of the request inside the log entry.
 */
const ENTRY_OVERHEAD_BYTES = 19;

/**
 * @throws StoreError `RequestTooLarge`: as etcd, by the size of the log entry that it would make
 */
export function checkRequestSize(message: Uint8Array, bytesMax: number): void {
  if (message.length + ENTRY_OVERHEAD_BYTES > bytesMax) throw new StoreError('RequestTooLarge');
}
