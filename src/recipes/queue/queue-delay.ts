import type { TxnOperation } from '../../store/index.js';
import type { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { CoordinationError } from '../errors.js';
import type { QueueKeys } from './queue-layout.js';
import { encodeDelayed } from './queue-record.js';

/** What is to be delayed, and for how long. */
export interface DelayTerms {
  readonly keys: QueueKeys;
  readonly id: string;
  readonly attempts: number;
  readonly priority: number;
  readonly delayMs: number;
}

/**
 * The operations that make a message wait for its time. Beside it lies a key with a lease as long
 * as the delay, so that the store judges when the time has come and no client's clock has a part in
 * it. The lease is of whole seconds; a server may make it longer and never makes it shorter. One
 * that is not needed in the end is left to run out: taking it back could end the delay of a message
 * whose answer was lost.
 */
export async function delayOperations(
  context: RecipeContext,
  scope: CancelScope,
  { keys, id, attempts, priority, delayMs }: DelayTerms,
): Promise<readonly TxnOperation[]> {
  const ttlSeconds = Math.ceil(delayMs / 1000);
  const { id: lease } = await scope.retry(() => context.store.leases.grant({ ttlSeconds }));
  return [
    { kind: 'put', key: keys.delayed + id, value: encodeDelayed(attempts, priority) },
    { kind: 'put', key: keys.delay + id, lease },
  ];
}

/** @throws CoordinationError `InvalidArgument` */
export function checkDelay(delayMs: number): number {
  if (Number.isFinite(delayMs) && delayMs >= 0) return delayMs;
  const message = `delay ${delayMs} is not a number of milliseconds from 0 on`;
  throw new CoordinationError('InvalidArgument', message);
}
