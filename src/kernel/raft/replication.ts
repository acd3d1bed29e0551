/**
 * A leader's outgoing side: appends, heartbeats, and the commit index that follows from the
 * answers. Only a leader calls these. Entries are sent as they are; for a follower that needs
 * entries which were compacted away, the caller of the machine is asked for a snapshot.
 */
import type { Core } from './core.js';
import type { Progress } from './progress.js';

const NO_ENTRIES = [] as const;

/**
 * Sends `peer` what it lacks, as far as one message carries.
 * @param whenEmpty - Also send if there are no entries to send: to probe, or to tell the commit
 *   index
 * @returns whether a message left
 */
export function sendAppend(
  core: Core,
  peer: bigint,
  progress: Progress,
  whenEmpty: boolean,
): boolean {
  if (progress.paused) return false;
  const { log, config } = core;
  const prevIndex = progress.next - 1;
  const prevTerm = log.termAt(prevIndex);
  if (prevTerm === undefined) return sendSnapshot(core, peer, progress);
  const entries = progress.takesEntries
    ? log.slice(progress.next, log.lastIndex, config.maxMessageBytes)
    : NO_ENTRIES;
  if (entries.length === 0 && !whenEmpty) return false;
  core.send({
    kind: 'append',
    from: core.id,
    to: peer,
    term: core.term,
    prevIndex,
    prevTerm,
    entries,
    commit: log.committed,
  });
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  progress.sent(entries.length, bytes);
  return true;
}

/**
 * Asks for a snapshot to be sent. Not to a peer that was not heard lately: it would be for nothing.
 * @returns whether it was asked for
 */
export function sendSnapshot(core: Core, peer: bigint, progress: Progress): boolean {
  if (!progress.recentlyActive || progress.state === 'snapshot') return false;
  const { mark } = core.log;
  core.send({ kind: 'snapshot', from: core.id, to: peer, term: core.term, mark });
  progress.awaitSnapshot(mark.index);
  return true;
}

/** Fills the in-flight window of `peer`. */
export function sendAppends(core: Core, peer: bigint, progress: Progress): void {
  while (sendAppend(core, peer, progress, false)) {
    // Each message moves `next` or pauses the progress, so this ends.
  }
}

/** Tells everyone of new entries or of a new commit index. */
export function broadcastAppend(core: Core): void {
  for (const [peer, progress] of core.progress) sendAppend(core, peer, progress, true);
}

export function broadcastHeartbeat(core: Core): void {
  for (const [peer, progress] of core.progress) {
    core.send({
      kind: 'heartbeat',
      from: core.id,
      to: peer,
      term: core.term,
      // A follower that lags must not take for committed what its own log has there.
      commit: Math.min(progress.match, core.log.committed),
      readRound: core.reads.newest,
    });
  }
}

/**
 * Moves the commit index to what a quorum has on disk. Entries of earlier terms are never counted
 * by themselves: they are committed by what the own term adds behind them.
 * @returns whether it moved
 */
export function advanceCommit(core: Core): boolean {
  const { log } = core;
  const reached = core.quorumMatch();
  const before = log.committed;
  if (reached <= before || log.termAt(reached) !== core.term) return false;
  core.uncommittedBytes -= log.bytesWithin(before + 1, reached);
  log.commitTo(reached);
  return true;
}
