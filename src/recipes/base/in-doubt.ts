import { CoordinationError, isCoordinationError, isTransient } from '../errors.js';
import type { CancelScope } from './cancel-scope.js';

/**
 * The error of a write that was sent and not answered: it says that its outcome is not known. What
 * the store refused is no refusal then, because a try before it may have taken effect.
 * @param what - The effect in words, such as `the message was sent`.
 */
export function inDoubt(error: unknown, what: string): unknown {
  if (!isCoordinationError(error)) return error;
  const { code, cause } = error;
  const message = `${error.message}; it is not known whether ${what}`;
  if (code === 'Aborted' || code === 'Timeout' || code === 'Unavailable') {
    return new CoordinationError(code, message, { cause });
  }
  if (code !== 'StoreRefused') return error;
  return new CoordinationError('Unavailable', message, { cause });
}

/**
 * Sends a write until it is answered. `send` must make sure that one which is sent again takes
 * effect once; it is told how often it failed before.
 * @param what - As for `inDoubt`, which the error becomes when a try went unanswered.
 */
export async function sendUntilAnswered<T>(
  scope: CancelScope,
  what: string,
  send: (failures: number) => Promise<T>,
): Promise<T> {
  let isOpen = false;
  try {
    return await scope.retry((failures) => {
      isOpen = true;
      return send(failures).catch((error: unknown) => {
        // A refusal is an answer, if it is that of the only try.
        isOpen = failures > 0 || isTransient(error);
        throw error;
      });
    });
  } catch (error) {
    throw isOpen ? inDoubt(error, what) : error;
  }
}
