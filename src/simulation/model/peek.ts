/** How a promise stands, without waiting for it. */
export interface Peeked<T> {
  readonly promise: Promise<T>;
  /** The value, once there is one. */
  value?: T;
  /** The failure, once there is one. */
  error?: unknown;
}

/** Watches a promise; its failure counts as handled. */
export function peek<T>(promise: Promise<T>): Peeked<T> {
  const seen: Peeked<T> = { promise };
  promise.then(
    (value) => {
      seen.value = value;
    },
    (error: unknown) => {
      seen.error = error;
    },
  );
  return seen;
}
