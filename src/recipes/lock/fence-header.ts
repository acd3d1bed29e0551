import { CoordinationError } from '../errors.js';
import { checkFence } from './fence-gate.js';

/**
 * How a fence travels in HTTP: one header with one decimal number. Reading it is strict, because a
 * number that was misread would let an old holder through: no sign, no spaces, no leading zero, no
 * list, and not more than a number can hold exactly.
 */

/**
 * The header that carries a fence.
 *
 * @example
 * const headers = new Headers({ [FENCE_HEADER]: String(held.fence) });
 */
export const FENCE_HEADER = 'tidelock-fence';

/** Headers as `fetch` has them, or as Node's requests do. */
export type HeaderSource =
  | { get(name: string): string | null }
  | { readonly [name: string]: string | readonly string[] | undefined };

const FENCE_PATTERN = /^[1-9][0-9]{0,15}$/;

/**
 * The headers to send with a request that is made under a lock.
 *
 * @example
 * await fetch(url, { method: 'PUT', body, signal: held.signal, headers: fenceHeaders(held) });
 */
export function fenceHeaders(held: { readonly fence: number }): Record<string, string> {
  return { [FENCE_HEADER]: String(checkFence(held.fence)) };
}

/**
 * The fence that a request carries.
 * @throws CoordinationError `InvalidArgument`, which names the header, when it is missing, there
 * twice, or no positive integer that a number holds exactly
 *
 * @example
 * const gate = new FenceGate();
 * if (!gate.admits(fenceOf(request.headers))) return respond(409);
 */
export function fenceOf(headers: HeaderSource): number {
  const text = headerIn(headers);
  if (text === undefined) throw refuse('is missing');
  if (typeof text !== 'string') throw refuse('is there more than once');
  // What others send may be long; only its beginning is worth repeating.
  if (!FENCE_PATTERN.test(text)) throw refuse(`${JSON.stringify(text.slice(0, 32))} is no fence`);
  const fence = Number(text);
  if (!Number.isSafeInteger(fence)) throw refuse(`${text} is too large`);
  return fence;
}

function headerIn(headers: HeaderSource): string | readonly string[] | undefined {
  if (isMethod(headers)) return headers.get(FENCE_HEADER) ?? undefined;
  const names = Object.keys(headers).filter((name) => name.toLowerCase() === FENCE_HEADER);
  if (names.length > 1) return names;
  const value = headers[names[0] ?? FENCE_HEADER];
  return typeof value === 'string' || value === undefined || value.length !== 1 ? value : value[0];
}

function isMethod(headers: HeaderSource): headers is { get(name: string): string | null } {
  return typeof headers['get'] === 'function';
}

function refuse(why: string): CoordinationError {
  return new CoordinationError('InvalidArgument', `header ${FENCE_HEADER} ${why}`);
}
