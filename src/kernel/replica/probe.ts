/**
 * What a simulation's checkers are told of a member's inside, as it happens. Nothing that it does
 * may reach back: a member behaves alike with and without one. It must not throw; it notes what it
 * finds broken for whoever drives the simulation.
 */
import type { MemberView } from '../raft/invariants.js';
import type { Message } from '../raft/messages.js';
import type { Entry, HardState, SnapshotMark } from '../raft/types.js';

/** What a checker is told of a member's inside. */
export interface ReplicaProbe {
  /** The machine took an input, gave a Ready, or advanced. */
  stepped(raft: MemberView): void;
  /** A message leaves the member. */
  sending(message: Message): void;
  /** These are on the log's disk now, durably if `synced`. */
  persisted(entries: readonly Entry[], hardState: HardState | undefined, synced: boolean): void;
  /** A snapshot took the place of everything up to `mark`. */
  installed(mark: SnapshotMark, revision: number, rollingHash: number): void;
  /** An entry was applied, with the state that this led to. */
  applied(entry: Entry, revision: number, rollingHash: number): void;
}
