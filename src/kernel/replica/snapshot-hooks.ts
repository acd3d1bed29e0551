/**
 * Where the moving of whole states meets the loop. The loop tells when a peer needs a state, hands
 * over the frames that speak of one, and has a state installed when raft has taken it up; how a
 * state is made, sent, kept and put in place is no business of the loop. Everything here is called
 * by the loop, between two steps, and whatever is called from here returns at once.
 */
import type { Lane } from '../../ports/network.js';
import type { SnapshotMark } from '../raft/types.js';
import type { AppliedState } from './applied-row.js';

/** What a member can do with states, as the loop uses it. */
export interface SnapshotHooks {
  /**
   * Raft cannot go on with `to` but from a state that reaches `mark` at least; `term` is the one in
   * which this member leads. May come again while one is under way. What becomes of it is told by
   * {@link SnapshotPorts.reported}, always.
   */
  offer(to: bigint, mark: SnapshotMark, term: number): void;
  /**
   * A frame of the kind `snapshot`, from a member that passed the gate. Never throws on content.
   */
  receive(from: bigint, body: Uint8Array): void;
  /** Once each heartbeat: ask again what was not answered, give up what is dead. */
  tick(nowMs: number): void;
  /**
   * `Ready.snapshot`: puts the state that arrived with `mark` in the place of everything, backend,
   * log and memory; resolves when all of it is durable and reads see it. Nothing else is under way
   * then: no flush, no entry. A rejection ends the member.
   */
  install(mark: SnapshotMark): Promise<InstalledState>;
  /** The member stops: no timer, no frame and no file operation begins any more. */
  stop(): void;
}

export interface InstalledState {
  readonly applied: AppliedState;
  readonly revision: number;
  readonly rollingHash: number;
}

/** What the hooks are given. */
export interface SnapshotPorts {
  /** Sends a frame of the kind `snapshot`: `bulk` for pieces, `urgent` for what is small. */
  send(to: bigint, body: Uint8Array, lane: Lane): void;
  /** A state that was offered has arrived at `to` (it says so itself), or never will. */
  reported(to: bigint, ok: boolean): void;
  /**
   * A state is complete, verified and durable in this member's directory: raft is told, as if
   * `from` had sent it in one message of its `term`. It may find it old: then no install follows.
   */
  arrived(from: bigint, term: number, mark: SnapshotMark): void;
  /**
   * Runs `take` between two entries, right after a flush, so that a view of the backend taken then
   * holds exactly what its applied row says. `take` must not throw.
   */
  afterFlush(take: () => void): void;
  /** Index of the last entry that was applied here. */
  applied(): number;
  /** The state in memory is another one from this step on: watchers read history anew. */
  replaced(): void;
  /** The member cannot be trusted any more and stops. */
  fail(error: unknown): void;
  /** Rings for the loop. */
  wake(): void;
}

/** Makes the hooks of a member, before its loop starts. */
export type SnapshotHooksFactory = (ports: SnapshotPorts) => SnapshotHooks;

/** A member that can neither send nor take states: who needs one waits for another leader. */
export const NO_SNAPSHOTS: SnapshotHooksFactory = (ports) => ({
  offer: (to) => ports.reported(to, false),
  receive: () => undefined,
  tick: () => undefined,
  install: () => Promise.reject(new Error('this member cannot install a state')),
  stop: () => undefined,
});
