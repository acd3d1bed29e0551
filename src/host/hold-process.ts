/**
 * Keeps the process alive for somebody who waits: a promise alone does not, and neither do signal
 * handlers nor the timers of `NodeClock`. Says nothing of when the process ends otherwise.
 */

/** Longest delay that a timer takes. */
const FAR_AWAY_MS = 2 ** 31 - 1;

/** Holds the process from now on. @returns what lets it go; calling that again does nothing */
export function holdProcess(): () => void {
  const hold = setInterval(() => undefined, FAR_AWAY_MS);
  return () => clearInterval(hold);
}
