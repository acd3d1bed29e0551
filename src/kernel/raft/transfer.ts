/**
 * How a leader hands over. It brings one voter up to date, takes no proposals meanwhile, and asks
 * that voter to start an election at once. It goes on leading until it hears of the next term; if
 * that does not come within an election timeout, it takes proposals again.
 */
import type { Core } from './core.js';
import { isVoter } from './quorum.js';
import { sendAppend } from './replication.js';
import { NOBODY } from './types.js';

/** @returns whether leadership is now on its way to `to` */
export function transferLeadership(core: Core, to: bigint): boolean {
  if (core.role !== 'leader' || to === core.id || !isVoter(core.confState, to)) return false;
  const progress = core.progress.get(to);
  if (progress === undefined) return false;
  if (core.transferee === to) return true;
  core.transferee = to;
  core.transferElapsed = 0;
  if (!handOverIfCaughtUp(core)) sendAppend(core, to, progress, true);
  return true;
}

/**
 * To be called only while there is a transferee.
 * @returns whether it has the whole log, and was told to go ahead
 */
export function handOverIfCaughtUp(core: Core): boolean {
  const { transferee, log, id, term } = core;
  if (core.progress.get(transferee)?.match !== log.lastIndex) return false;
  core.send({ kind: 'timeoutNow', from: id, to: transferee, term });
  return true;
}

/** One tick of a leader. */
export function tickTransfer(core: Core): void {
  if (core.transferee === NOBODY) return;
  core.transferElapsed++;
  if (core.transferElapsed >= core.config.electionTicks) abortTransfer(core);
}

/** Nothing came of it. The transferee may still win; that is then an election like any other. */
export function abortTransfer(core: Core): void {
  core.transferee = NOBODY;
}
