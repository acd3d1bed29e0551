/** Longest delay that a timer takes. */
const FAR_AWAY_MS = 2 ** 31 - 1;

/**
 * Waits for `promise` and keeps the process alive meanwhile: a promise alone does not, and neither
 * do signal handlers nor the timers of a store's clock.
 */
export async function stayAlive<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => undefined, FAR_AWAY_MS);
  try {
    return await promise;
  } finally {
    clearInterval(hold);
  }
}
