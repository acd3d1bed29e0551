import type { Kernel } from '../kernel/index.js';
import { isStoreError } from '../store/index.js';

/** Election timeouts without a leader after which nobody is expected to lead soon. */
const PATIENCE_ELECTIONS = 2;
/** Looks in an election timeout. */
const LOOKS = 4;

/**
 * Watches a member that stops while calls are under way. They get their time as long as somebody
 * leads, or may do so soon; where nobody has led for a while, what waits for a majority waits in
 * vain, and `end` is called, once. Nothing is acknowledged by that: who waited is told that the
 * member has stopped, and that nobody knows what comes of a write.
 * @returns how to stop watching
 */
export function endWhenLeaderless(
  kernel: Pick<Kernel, 'status'>,
  electionMs: number,
  end: () => void,
): () => void {
  let looks = 0;
  const timer = setInterval(() => {
    looks = hasLeader(kernel) ? 0 : looks + 1;
    if (looks < PATIENCE_ELECTIONS * LOOKS) return;
    clearInterval(timer);
    end();
  }, electionMs / LOOKS);
  return () => clearInterval(timer);
}

/** A member that has stopped itself has answered everything already. */
function hasLeader(kernel: Pick<Kernel, 'status'>): boolean {
  try {
    return kernel.status().leader !== 0n;
  } catch (error) {
    if (!isStoreError(error, 'Stopped')) throw error;
    return true;
  }
}
