/**
 * Several machines on a network that drops, repeats and reorders, with disks that keep only what
 * was persisted. Members join, learn, vote, leave, and lose their disks for good; logs are
 * compacted and slow members get images of the state. Each Ready passes through its phases as
 * separate events, so that messages arrive, and power fails, between any two of them. Every event
 * is followed by all invariant checks.
 */
import { decodePeerMessage, encodePeerMessage } from '../../../src/kernel/codec/peer-message.js';
import { ClusterInvariants } from '../../../src/kernel/raft/cluster-invariants.js';
import type { RaftConfig } from '../../../src/kernel/raft/config.js';
import {
  checkMember,
  checkMemberStep,
  snapshotMember,
} from '../../../src/kernel/raft/invariants.js';
import type { Message, SnapshotMessage } from '../../../src/kernel/raft/messages.js';
import { membersOf } from '../../../src/kernel/raft/quorum.js';
import { Raft } from '../../../src/kernel/raft/raft.js';
import type { Ready } from '../../../src/kernel/raft/ready.js';
import { type ConfState, EMPTY_CONF_STATE, type Entry } from '../../../src/kernel/raft/types.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { changeData, changeOf } from './change-text.js';
import type { MemberDisk } from './member-disk.js';
import { randomChange } from './simulated-changes.js';
import { NO_COUNTS } from './simulated-counts.js';
import { canLoseDisk, findRetired } from './simulated-departures.js';
import { describeMember, SimulatedMember } from './simulated-member.js';
import { type EventKind, randomSettings } from './simulated-settings.js';
import { SimulatedWires } from './simulated-wires.js';

const MEMBERS_EVER_MAX = 20;

export class SimulatedCluster {
  readonly #random: SimRandom;
  readonly #config: Omit<RaftConfig, 'id'>;
  readonly #members = new Map<bigint, SimulatedMember>();
  /** Every disk that ever was: what was acknowledged from it counts even when it is gone. */
  readonly #disks = new Map<bigint, MemberDisk>();
  readonly #invariants: ClusterInvariants;
  readonly #encoded: boolean;
  /** Each kind of event as often as it is likely. */
  readonly #events: readonly EventKind[];
  readonly #wires: SimulatedWires;
  /** Requests of leaders for images that are not answered yet. */
  #requests: SnapshotMessage[] = [];
  #proposed = 0;
  #context = 0;
  #lastId = 0n;
  /** The configuration of the highest applied index, anywhere. */
  #newest: { readonly index: number; readonly confState: ConfState };
  /** By context: what was committed anywhere when the read was asked for. */
  readonly #readFloors = new Map<number, number>();
  readonly counts = { ...NO_COUNTS };

  constructor(seed: number) {
    const random = new SimRandom(seed);
    this.#random = random;
    this.#wires = new SimulatedWires(random);
    const { confState, config, events, encoded } = randomSettings(random);
    this.#config = config;
    this.#events = events;
    this.#encoded = encoded;
    this.#invariants = new ClusterInvariants(confState, (id) => this.#disks.get(id));
    this.#newest = { index: 0, confState };
    for (const _ of membersOf(confState)) this.#join(confState);
  }

  get #ids(): readonly bigint[] {
    return [...this.#members.keys()];
  }

  #living(id: bigint): SimulatedMember | undefined {
    const member = this.#members.get(id);
    return member?.lost === true ? undefined : member;
  }

  #member(id: bigint): SimulatedMember {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`there is no member ${id}`);
    return member;
  }

  #join(confState: ConfState): void {
    this.#lastId++;
    this.#create(this.#lastId, confState);
    this.#start(this.#lastId);
  }

  #create(id: bigint, confState: ConfState): void {
    const member = new SimulatedMember(confState);
    this.#members.set(id, member);
    this.#disks.set(id, member.disk);
  }

  #start(id: bigint): void {
    const member = this.#member(id);
    if (member.lost) return;
    member.raft = new Raft({ ...this.#config, id }, member.disk.restore(member.applied));
    this.#invariants.restarted(id);
  }

  #crash(id: bigint): void {
    const member = this.#member(id);
    if (member.raft === undefined) return;
    this.counts.crashes++;
    member.crash(this.#random);
  }

  /** Gives `act` a machine, and checks it before and after. */
  #touch(id: bigint, act: (raft: Raft, member: SimulatedMember) => void): void {
    const member = this.#members.get(id);
    const raft = member?.raft;
    if (member === undefined || raft === undefined) return;
    const before = snapshotMember(raft);
    act(raft, member);
    checkMember(raft);
    checkMemberStep(before, raft);
    this.#invariants.checkMember(raft);
    if (raft.role === 'leader' && before.role !== 'leader') this.counts.elections++;
    this.counts.committed = this.#invariants.committed;
  }

  #post(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#invariants.checkMessage(message);
      if (message.kind === 'appendRejected') this.counts.rejections++;
      if (message.kind === 'timeoutNow') this.counts.transfers++;
      if (message.kind === 'snapshot') this.#requests.push(message);
      else this.#wires.send(message);
    }
    this.#wires.keepBound();
  }

  /** The next phase of a member's work on a Ready. */
  #work(id: bigint): void {
    const member = this.#members.get(id);
    if (member?.raft === undefined) return;
    const { work } = member;
    switch (member.phase) {
      case 'ready':
        this.#touch(id, (raft) => {
          if (!raft.hasReady()) return;
          member.work = raft.ready();
          this.#checkReads(member.work);
          this.#post(member.work.messagesBeforePersist);
          member.phase = 'persist';
        });
        break;
      case 'persist':
        if (work !== undefined) this.#persist(member, work);
        member.phase = 'send';
        break;
      case 'send':
        this.#post(work?.messages ?? []);
        member.phase = 'apply';
        break;
      case 'apply':
        this.#applySome(id, member, work?.committedEntries ?? []);
        if (this.#random.below(8) === 0) member.appliedDurably = member.applied;
        member.phase = 'ready';
    }
  }

  #persist(member: SimulatedMember, ready: Ready): void {
    if (ready.snapshot !== undefined) {
      if (ready.snapshot.index < member.applied) throw new Error('a snapshot undoes the state');
      this.counts.installs++;
    }
    member.persist(ready);
  }

  /** All of them, or some and the rest with the next Ready. */
  #applySome(id: bigint, member: SimulatedMember, entries: readonly Entry[]): void {
    const isPart = entries.length > 1 && this.#random.below(3) === 0;
    const count = isPart ? 1 + this.#random.below(entries.length) : entries.length;
    for (const entry of entries.slice(0, count)) this.#apply(id, member, entry);
    this.#touch(id, (raft) => raft.advance(isPart ? member.applied : undefined));
  }

  #apply(id: bigint, member: SimulatedMember, entry: Entry): void {
    if (entry.index !== member.applied + 1) throw new Error('applying skips or repeats an entry');
    const committed = this.#invariants.committedEntry(entry.index);
    if (committed?.term !== entry.term) throw new Error(`applied ${entry.index}, not committed`);
    if (member.disk.termAt(entry.index) !== entry.term) throw new Error('applied, not on disk');
    member.applied = entry.index;
    if (entry.kind !== 'config') return;
    this.#touch(id, (raft) => {
      const confState = raft.applyConfChange(changeOf(entry));
      member.disk.noteConf(entry.index, confState);
      if (entry.index <= this.#newest.index) return;
      this.#newest = { index: entry.index, confState };
      this.counts.changes++;
      if (confState.votersOutgoing.length > 0) this.counts.joints++;
    });
  }

  #checkReads(ready: Ready): void {
    for (const { context, index } of ready.readStates) {
      const floor = this.#readFloors.get(context);
      if (floor === undefined) throw new Error(`nobody asked for read ${context}`);
      if (index < floor) throw new Error(`read ${context} is at ${index}, ${floor} was committed`);
      this.counts.reads++;
    }
  }

  #deliver(): void {
    const message = this.#wires.take();
    if (message === undefined) return;
    const received = this.#encoded ? decodePeerMessage(encodePeerMessage(message)) : message;
    this.#touch(message.to, (raft) => raft.step(received));
  }

  /** A leader's caller makes an image and sends it; or fails to, and says so. */
  #answerRequest(reliable: boolean): void {
    if (this.#requests.length === 0) return;
    const request = this.#requests.splice(this.#random.below(this.#requests.length), 1)[0];
    if (request === undefined) return;
    const { from, to } = request;
    const sender = this.#members.get(from);
    if (sender?.raft === undefined) return;
    const ok = this.#members.has(to) && (reliable || this.#random.below(4) > 0);
    const mark = sender.imageMark;
    if (ok && mark.index < request.mark.index) throw new Error('an image is older than the log');
    if (ok) this.#wires.send({ ...request, mark });
    this.#touch(from, (raft) => raft.snapshotReported(to, ok));
  }

  #propose(id: bigint): boolean {
    let accepted = false;
    this.#touch(id, (raft) => {
      const data = Array.from(
        { length: 1 + this.#random.below(3) },
        () => new Uint8Array([++this.#proposed & 0xff, this.#proposed >> 8]),
      );
      accepted = raft.propose(data).accepted;
    });
    return accepted;
  }

  #proposeChange(id: bigint): void {
    const lost = this.#ids.filter((each) => this.#member(each).lost);
    this.#touch(id, (raft) => {
      if (raft.role !== 'leader' || this.#lastId > MEMBERS_EVER_MAX) return;
      const idsBefore = this.#lastId;
      const change = randomChange(this.#random, raft.confState, lost, () => ++this.#lastId);
      const result = raft.proposeConfChange(change, changeData(change));
      for (let made = idsBefore + 1n; made <= this.#lastId; made++) {
        if (result.accepted) this.#create(made, EMPTY_CONF_STATE);
      }
      if (!result.accepted) this.#lastId = idsBefore;
    });
  }

  #read(id: bigint): void {
    this.#touch(id, (raft) => {
      const context = ++this.#context;
      if (raft.requestRead(context).accepted) {
        this.#readFloors.set(context, this.#invariants.committed);
      }
    });
  }

  /** Some of what is applied durably may go from the log, whoever still needs it. */
  #compact(id: bigint): void {
    this.#touch(id, (raft, member) => {
      const index = member.appliedDurably - this.#random.below(4);
      if (index > member.disk.mark.index) raft.compactLog(member.disk.compact(index));
    });
  }

  #loseDisk(id: bigint): void {
    if (!canLoseDisk(this.#members, this.#newest.confState, id)) return;
    this.#crash(id);
    this.#member(id).lost = true;
    this.#invariants.wiped(id);
    this.counts.wiped++;
  }

  /** Who was removed goes for good. */
  #retire(): void {
    const id = findRetired(this.#members, this.#newest.confState);
    if (id === undefined) return;
    this.#members.delete(id);
    this.#invariants.wiped(id);
  }

  /** The next member from `start` on that has anything to do does some of it. */
  #workNext(start: number): void {
    const ids = this.#ids;
    for (let offset = 0; offset < ids.length; offset++) {
      const id = ids[(start + offset) % ids.length] ?? 1n;
      if (!this.#member(id).busy) continue;
      do this.#work(id);
      while (this.#random.below(3) > 0 && this.#members.get(id)?.busy === true);
      return;
    }
  }

  /** One random event. */
  step(): void {
    const ids = this.#ids;
    const start = this.#random.below(ids.length);
    const id = ids[start] ?? 1n;
    const other = ids[this.#random.below(ids.length)] ?? 1n;
    switch (this.#events[this.#random.below(this.#events.length)] ?? 'deliver') {
      case 'deliver':
        return this.#deliver();
      case 'work':
        return this.#workNext(start);
      case 'tick':
        return this.#touch(id, (raft) => raft.tick());
      case 'propose':
        return void this.#propose(id);
      case 'change':
        return this.#proposeChange(id);
      case 'read':
        return this.#read(id);
      case 'compact':
        return this.#compact(id);
      case 'image':
        return this.#answerRequest(false);
      case 'campaign':
        return this.#touch(id, (raft) => raft.campaign());
      case 'gone':
        return this.#tellGone(id);
      case 'succeed':
        return this.#touch(id, (raft) => raft.succeed());
      case 'transfer':
        return this.#touch(id, (raft) => raft.transferLeadership(other));
      case 'pause':
        return this.#touch(id, (raft) => raft.pauseNoticed());
      case 'loseDisk':
        return this.#loseDisk(id);
      case 'retire':
        return this.#retire();
      case 'partition':
        return this.#wires.changePartition(ids);
      case 'crash':
        return this.#crash(id);
      case 'start':
        return this.#startOne(start);
    }
  }

  /** Its leader may well be there. */
  #tellGone(id: bigint): void {
    this.#touch(id, (raft) => {
      if (raft.leaderGone(raft.leader)) this.counts.gone++;
    });
    if (this.#random.below(2) === 0) this.#touch(id, (raft) => raft.succeed());
  }

  #startOne(start: number): void {
    const ids = this.#ids;
    const down = [...ids.slice(start), ...ids].find((each) => {
      return this.#living(each) !== undefined && this.#member(each).raft === undefined;
    });
    if (down !== undefined) this.#start(down);
  }

  /**
   * Everything heals: the members must agree on a leader, commit and read. Fails if they do not.
   */
  mustRecover(): void {
    this.#wires.mend();
    for (const id of this.#ids) if (this.#member(id).raft === undefined) this.#start(id);
    const readsBefore = this.counts.reads;
    let target = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 600; round++) {
      for (const id of this.#ids) this.#touch(id, (raft) => raft.tick());
      for (let turn = 0; turn < 40; turn++) this.#calm();
      if (target === Number.POSITIVE_INFINITY) {
        const leader = this.#ids.find((id) => this.#member(id).raft?.role === 'leader');
        if (leader !== undefined && this.#propose(leader)) {
          target = this.#member(leader).raft?.lastIndex ?? target;
        }
      }
      const members = membersOf(this.#newest.confState).filter((id) => this.#living(id));
      const applied = Math.min(...members.map((id) => this.#member(id).applied));
      if (applied >= target && this.counts.reads > readsBefore) return;
      if (applied < target && round % 40 === 39) target = Number.POSITIVE_INFINITY;
      this.#read(members[round % members.length] ?? 1n);
    }
    throw new Error(`the cluster does not recover:\n${this.#describe()}`);
  }

  #describe(): string {
    return this.#ids.map((id) => `${id} ${describeMember(this.#member(id))}`).join('\n');
  }

  /** Work and delivery without faults. */
  #calm(): void {
    for (const id of this.#ids) this.#work(id);
    while (this.#requests.length > 0) this.#answerRequest(true);
    for (const message of this.#wires.takeAll())
      this.#touch(message.to, (raft) => raft.step(message));
  }
}
