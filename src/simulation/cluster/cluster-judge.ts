import {
  checkMember,
  checkMemberStep,
  ClusterInvariants,
  type ConfState,
  type Entry,
  type HardState,
  type MemberSnapshot,
  type MemberView,
  type Message,
  type ReplicaProbe,
  type SnapshotMark,
  snapshotMember,
} from '../../kernel/index.js';
import type { Findings } from '../findings.js';
import type { RunTrace } from '../run-trace.js';
import { DurableLog } from './durable-log.js';
import { LeaderWatch } from './leader-watch.js';

interface AppliedState {
  readonly revision: number;
  readonly rollingHash: number;
  readonly by: string;
}

/**
 * Watches the insides of all members of a cluster: raft's invariants after each step, one vote a
 * term, promises that are on disk, and the same state after the same entry, at every index. It
 * never changes anything; what it finds is noted and the run goes on.
 */
export class ClusterJudge {
  readonly #findings: Findings;
  readonly #trace: RunTrace;
  readonly #invariants: ClusterInvariants;
  readonly #disks = new Map<bigint, DurableLog>();
  /** The state after each entry, by its index, as the first member had it. */
  readonly #states: (AppliedState | undefined)[] = [];
  readonly #leaders = new LeaderWatch();
  /** Members that lost their directory, and how much they had in it. */
  readonly #lost = new Map<bigint, number>();
  /** The last change of the members that is in a log, and the last that was applied somewhere. */
  #configMax = 0;
  #configApplied = 0;
  readonly #handingOver = new Set<bigint>();
  #appliedMax = 0;
  #revisionMax = 1;

  constructor(initial: ConfState, findings: Findings, trace: RunTrace) {
    this.#findings = findings;
    this.#trace = trace;
    this.#invariants = new ClusterInvariants(initial, (id) => this.diskOf(id));
  }

  /** The highest entry that any member applied. */
  get appliedMax(): number {
    return this.#appliedMax;
  }

  /** Whether a change of the members is in a log and was applied by nobody. */
  get isConfigPending(): boolean {
    return this.#configMax > this.#configApplied;
  }

  /** Whether a leader hands over. */
  get isHandingOver(): boolean {
    return this.#handingOver.size > 0;
  }

  /** The highest revision that any member reached. */
  get revisionMax(): number {
    return this.#revisionMax;
  }

  diskOf(id: bigint): DurableLog {
    let disk = this.#disks.get(id);
    if (disk === undefined) {
      disk = new DurableLog();
      this.#disks.set(id, disk);
    }
    return disk;
  }

  /** A frame of `from` has reached a member. */
  heard(member: bigint, from: bigint): void {
    this.#leaders.heard(member, from, this.#findings.nowMs);
  }

  /** A member lost its directory. */
  wiped(id: bigint): void {
    this.#lost.set(id, this.diskOf(id).lastIndex);
    this.#disks.delete(id);
    this.#invariants.wiped(id);
  }

  /** A member holds less than it promised: an old copy of its directory has come back. */
  rolledBack(id: bigint): void {
    this.#invariants.wiped(id);
  }

  /** The eyes on one life of a member; a new life has a new probe. */
  probe(id: bigint, name: string, isAlive: () => boolean): ReplicaProbe {
    const disk = this.diskOf(id);
    disk.restarted();
    this.#invariants.restarted(id);
    this.#handingOver.delete(id);
    let before: MemberSnapshot | undefined;
    const guard = (check: () => void, property = 'S2'): void => {
      if (!isAlive()) return;
      try {
        check();
      } catch (error) {
        this.#findings.report(property, `${name}: ${messageOf(error)}`);
      }
    };
    return {
      stepped: (raft) => {
        guard(() => this.#leaders.stepped(raft, this.#findings.nowMs), 'N5');
        if (this.#lost.size > 0) guard(() => this.#checkLost(raft), 'D12');
        if (before !== undefined && isUnchanged(before, raft)) return;
        guard(() => {
          disk.stepped(raft);
          if (raft.transferee === 0n) this.#handingOver.delete(id);
          else this.#handingOver.add(id);
          before = this.#checkStep(name, raft, before);
        });
      },
      sending: (message) => guard(() => this.#sending(message)),
      persisted: (entries, hardState, synced) =>
        guard(() => this.#persisted(disk, entries, hardState, synced)),
      installed: (mark, revision, rollingHash) =>
        guard(() => {
          before = undefined;
          this.#installed(id, name, mark, revision, rollingHash);
        }),
      applied: (entry, revision, rollingHash) =>
        guard(() => {
          if (entry.kind === 'config') {
            this.#configApplied = Math.max(this.#configApplied, entry.index);
          }
          this.#applied(name, entry.index, revision, rollingHash);
        }),
    };
  }

  /** @returns the state to compare the next one with */
  #checkStep(name: string, raft: MemberView, before: MemberSnapshot | undefined): MemberSnapshot {
    checkMember(raft);
    if (before !== undefined) checkMemberStep(before, raft);
    this.#invariants.checkMember(raft);
    if (before === undefined || before.role !== raft.role || before.term !== raft.term) {
      this.#trace.note('role', Number(raft.id & 0xffffn), raft.term, raft.role.length);
      if (this.#trace.isTold) {
        this.#trace.tell(`${name} is ${raft.role} in term ${raft.term}`);
      }
    }
    return snapshotMember(raft);
  }

  /** Nobody may go on under the id of a member that lost what it promised. */
  #checkLost(raft: MemberView): void {
    for (const [id, had] of this.#lost) {
      const match = raft.progressOf(id)?.match ?? 0;
      if (match > had) throw new Error(`counts on ${id}, which lost its directory, up to ${match}`);
    }
  }

  #sending(message: Message): void {
    this.#trace.note(message.kind, Number(message.from & 0xffffn), message.term);
    this.#invariants.checkMessage(message);
  }

  #persisted(
    disk: DurableLog,
    entries: readonly Entry[],
    hardState: HardState | undefined,
    synced: boolean,
  ): void {
    disk.persisted(entries, hardState, synced);
    for (const { kind, index } of entries) {
      if (kind === 'config' && index > this.#configMax) this.#configMax = index;
    }
    this.#trace.note('persisted', entries.at(-1)?.index, hardState?.term, hardState?.commit);
  }

  #installed(id: bigint, name: string, mark: SnapshotMark, revision: number, hash: number): void {
    this.#trace.note('installed', mark.index, revision, hash);
    this.#trace.tell(`${name} took a snapshot up to ${mark.index}, revision ${revision}`);
    this.diskOf(id).installed(mark);
    this.#invariants.restarted(id);
    this.#compare(name, mark.index, revision, hash);
  }

  #applied(name: string, index: number, revision: number, hash: number): void {
    this.#trace.note('applied', index, revision, hash);
    this.#compare(name, index, revision, hash);
  }

  #compare(name: string, index: number, revision: number, rollingHash: number): void {
    this.#appliedMax = Math.max(this.#appliedMax, index);
    this.#revisionMax = Math.max(this.#revisionMax, revision);
    const known = this.#states[index];
    if (known === undefined) {
      this.#states[index] = { revision, rollingHash, by: name };
    } else if (known.revision !== revision || known.rollingHash !== rollingHash) {
      this.#findings.report(
        'S1',
        `after entry ${index} ${name} is at revision ${revision} with hash ${rollingHash}, ` +
          `${known.by} was at ${known.revision} with ${known.rollingHash}`,
      );
    }
  }
}

/** Most steps, a heartbeat's for one, change nothing that an invariant speaks of. */
function isUnchanged(before: MemberSnapshot, raft: MemberView): boolean {
  return (
    before.committed === raft.committed &&
    before.lastIndex === raft.lastIndex &&
    before.applied === raft.applied &&
    before.term === raft.term &&
    before.role === raft.role &&
    before.leader === raft.leader &&
    before.vote === raft.vote &&
    before.firstIndex === raft.firstIndex &&
    before.transferee === raft.transferee &&
    before.lastTerm === raft.termAt(raft.lastIndex)
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
