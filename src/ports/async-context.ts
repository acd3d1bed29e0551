/**
 * Carries a value through all the awaits of the work that is run with it. It is nobody else's: a
 * value that others put in its place hides this one. Node's `AsyncLocalStorage` is one.
 *
 * @example
 * import { AsyncLocalStorage } from 'node:async_hooks';
 *
 * const coord = coordinate(store, { asyncContext: new AsyncLocalStorage() });
 */
export interface AsyncContext {
  run<T>(value: unknown, work: () => T): T;
  /** The value of the work that runs now; anything else outside of such work. */
  getStore(): unknown;
}
