/** One member of a simulated cluster: a machine, its disk, its applied state, and what it is at. */
import type { Raft } from '../../../src/kernel/raft/raft.js';
import type { Ready } from '../../../src/kernel/raft/ready.js';
import type { ConfState, SnapshotMark } from '../../../src/kernel/raft/types.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';
import { describeConf } from './change-text.js';
import { MemberDisk } from './member-disk.js';

export type Phase = 'ready' | 'persist' | 'send' | 'apply';

export class SimulatedMember {
  readonly disk: MemberDisk;
  raft: Raft | undefined;
  /** What is being worked on, and the phase that comes next. */
  work: Ready | undefined;
  phase: Phase = 'ready';
  applied = 0;
  /** Beyond this, applied state may be lost in a crash. */
  appliedDurably = 0;
  /** Its disk is gone for good; it still counts in the configuration until it is removed. */
  lost = false;

  constructor(confState: ConfState) {
    this.disk = new MemberDisk(confState);
  }

  /** Whether there is anything to do. */
  get busy(): boolean {
    return this.raft !== undefined && (this.phase !== 'ready' || this.raft.hasReady());
  }

  /** The state as an image would hold it. */
  get imageMark(): SnapshotMark {
    const { applied, disk } = this;
    return { index: applied, term: disk.termAt(applied) ?? 0, confState: disk.confAt(applied) };
  }

  /** Power fails, whatever is under way. */
  crash(random: SimRandom): void {
    const { work } = this;
    if (this.phase === 'persist' && work !== undefined) {
      const installed = work.snapshot === undefined || random.below(2) === 0;
      if (installed) {
        if (work.snapshot !== undefined) this.install(work.snapshot);
        this.disk.persistTorn(work, random.below(work.entries.length + 1));
      }
    }
    this.disk.losePower();
    this.applied -= random.below(this.applied - this.appliedDurably + 1);
    this.raft = undefined;
    this.work = undefined;
    this.phase = 'ready';
  }

  persist(ready: Ready): void {
    this.disk.persist(ready);
    if (ready.snapshot !== undefined) this.#appliedAll(ready.snapshot.index);
  }

  install(mark: SnapshotMark): void {
    this.disk.install(mark);
    this.#appliedAll(mark.index);
  }

  #appliedAll(index: number): void {
    this.applied = index;
    this.appliedDurably = index;
  }
}

/** What of a member matters to whoever looks for the reason of a failure. */
export function describeMember({ raft, applied, lost }: SimulatedMember): string {
  const conf = raft === undefined ? 'down' : `conf ${describeConf(raft.confState)}`;
  const state = [raft?.role, raft?.term, raft?.committed, raft?.lastIndex, applied, conf];
  return `${lost ? 'lost ' : ''}${state.join(' ')}`;
}
