import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { checkSegment } from '../base/names.js';
import type { JsonValue } from '../base/note.js';
import { CoordinationError, isCoordinationError } from '../errors.js';
import { checkDelay, delayOperations } from './queue-delay.js';
import { PRIORITIES, type QueueKeys, rankOf } from './queue-layout.js';
import { encodeReady } from './queue-record.js';
import { Sending } from './sending.js';

/** How to send a message. */
export interface SendOptions extends WaitOptions {
  /**
   * By which the message is known. A second one with the same id is not accepted as long as the
   * first exists, also as a dead letter. Default: a random one.
   */
  readonly id?: string;
  /** 0 to 999; higher ones are received first. Default 0. */
  readonly priority?: number;
  /**
   * Milliseconds before which the message is not received; whole seconds, rounded up, and at least
   * what the server grants as the shortest lease. Default: none.
   */
  readonly delayMs?: number;
}

/** What became of a message. */
export interface SendResult {
  readonly id: string;
  /** False when a message with this id existed; nothing was changed then. */
  readonly isAccepted: boolean;
}

/**
 * Sends one message, in one transaction that creates it unless its id exists. A message whose
 * answer was lost is recognised by its nonce as long as it exists; one that was received and
 * acknowledged before it could be tried again may be sent twice. After an answer nothing that was
 * sent before takes effect.
 * @throws CoordinationError `InvalidArgument`, `StoreRefused`; `Aborted`, `Timeout` or
 * `Unavailable`: it may have been sent
 */
export async function sendMessage(
  context: RecipeContext,
  keys: QueueKeys,
  value: JsonValue,
  options: SendOptions,
): Promise<SendResult> {
  const { store, closed } = context;
  const id = checkSegment('message id', options.id ?? store.random.hex(12));
  const priority = checkPriority(options.priority ?? 0);
  const delayMs = checkDelay(options.delayMs ?? 0);
  using scope = new CancelScope(store, options, closed);
  const sending = new Sending(context, keys, id, value);
  if (delayMs === 0) {
    const key = `${keys.ready}${rankOf(priority)}/${id}`;
    const ready = { kind: 'put', key, value: encodeReady(0) } as const;
    return { id, isAccepted: await sending.send(scope, [ready]) };
  }
  const { signal } = scope;
  const request = { key: keys.body + id, keysOnly: true };
  const known = await scope.retry(() => store.range(request, { signal }));
  if (known.kvs.length > 0) return { id, isAccepted: false };
  for (;;) {
    const terms = { keys, id, attempts: 0, priority, delayMs };
    const operations = await delayOperations(context, scope, terms);
    try {
      return { id, isAccepted: await sending.send(scope, operations) };
    } catch (error) {
      // The lease ended before it was used: a store that was out of reach for the whole delay.
      if (scope.signal.aborted || !isCoordinationError(error, 'SessionLost')) throw error;
    }
  }
}

function checkPriority(priority: number): number {
  if (Number.isInteger(priority) && priority >= 0 && priority < PRIORITIES) return priority;
  const message = `priority ${priority} is not an integer from 0 to ${PRIORITIES - 1}`;
  throw new CoordinationError('InvalidArgument', message);
}
