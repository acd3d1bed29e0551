import { StoreError } from '../../store/index.js';

/**
 * What types promise of a request and callers without types may break. Names the input, what it is
 * and what it should be; never changes or converts it. A wrong input that got further would fail in
 * the middle of something, or mean what nobody said.
 */

/** @throws StoreError `InvalidArgument` */
export function mustBeObject(name: string, input: unknown): void {
  if (typeof input !== 'object' || input === null) throw wrong(name, input, 'an object');
}

/** @throws StoreError `InvalidArgument` */
export function mustBeBytes(name: string, input: unknown): void {
  if (typeof input === 'string' || input instanceof Uint8Array) return;
  throw wrong(name, input, 'text or bytes');
}

/** @throws StoreError `InvalidArgument` */
export function mustBeId(name: string, input: unknown): void {
  if (typeof input !== 'bigint') throw wrong(name, input, 'a bigint');
}

/** @throws StoreError `InvalidArgument` */
export function mustBeList(name: string, input: unknown): void {
  if (!Array.isArray(input)) throw wrong(name, input, 'a list');
}

/** @throws StoreError `InvalidArgument` */
export function mustBeOneOf(name: string, input: unknown, choices: readonly string[]): void {
  if (typeof input === 'string' && choices.includes(input)) return;
  throw wrong(name, input, `one of ${choices.join(' ')}`);
}

function wrong(name: string, input: unknown, right: string): StoreError {
  return new StoreError('InvalidArgument', `${name} is ${show(input)}, not ${right}`);
}

function show(input: unknown): string {
  if (typeof input === 'string') return JSON.stringify(input.slice(0, SHOWN_TEXT_MAX));
  if (typeof input === 'function') return 'a function';
  if (typeof input !== 'object' || input === null) return String(input);
  return Array.isArray(input) ? 'a list' : 'an object';
}

const SHOWN_TEXT_MAX = 40;
