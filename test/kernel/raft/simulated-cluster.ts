/**
 * Several machines on a network that drops, repeats and reorders, with disks that keep only what
 * was persisted. Each Ready passes through its phases as separate events, so that messages arrive,
 * and power fails, between any two of them. Every event is followed by all invariant checks.
 */
import { decodePeerMessage, encodePeerMessage } from '../../../src/kernel/codec/peer-message.js';
import { ClusterInvariants } from '../../../src/kernel/raft/cluster-invariants.js';
import type { RaftConfig } from '../../../src/kernel/raft/config.js';
import {
  checkMember,
  checkMemberStep,
  snapshotMember,
} from '../../../src/kernel/raft/invariants.js';
import type { Message } from '../../../src/kernel/raft/messages.js';
import { Raft } from '../../../src/kernel/raft/raft.js';
import type { Ready } from '../../../src/kernel/raft/ready.js';
import type { ConfState } from '../../../src/kernel/raft/types.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { confStateOf, MemberDisk } from './member-disk.js';

const NETWORK_MESSAGES_MAX = 300;
const PHASES = ['ready', 'persist', 'send', 'apply'] as const;

class Member {
  readonly disk: MemberDisk;
  raft: Raft | undefined;
  /** What is being worked on, and the phase that comes next. */
  work: Ready | undefined;
  phase: (typeof PHASES)[number] = 'ready';
  applied = 0;
  /** Beyond this, applied state may be lost in a crash. */
  appliedDurably = 0;

  constructor(confState: ConfState) {
    this.disk = new MemberDisk(confState);
  }
}

export class SimulatedCluster {
  readonly #random: SimRandom;
  readonly #config: Omit<RaftConfig, 'id'>;
  readonly #confState: ConfState;
  readonly #members = new Map<bigint, Member>();
  readonly #invariants: ClusterInvariants;
  readonly #encoded: boolean;
  #network: Message[] = [];
  #cut = new Set<string>();
  #proposed = 0;
  #context = 0;
  /** By context: what was committed anywhere when the read was asked for. */
  readonly #readFloors = new Map<number, number>();
  readonly counts = { elections: 0, committed: 0, reads: 0, crashes: 0, rejections: 0 };

  constructor(seed: number) {
    const random = new SimRandom(seed);
    const chance = (percent: number): boolean => random.below(100) < percent;
    this.#random = random;
    const size = [3, 3, 3, 5, 5, 5, 1, 2, 4][random.below(9)] ?? 3;
    const ids = Array.from({ length: size }, (_, position) => position + 1);
    const learners = size < 5 && chance(40) ? [size + 1, size + 2] : [];
    const confState = confStateOf(ids, learners);
    const outgoing = chance(25) ? confState.voters.slice(0, 2) : [];
    this.#confState = { ...confState, votersOutgoing: outgoing };
    const jitter = random.split('jitter');
    this.#config = {
      electionTicks: 4 + random.below(6),
      heartbeatTicks: 1,
      preVote: chance(60),
      checkQuorum: chance(60),
      maxMessageBytes: [1, 8, 1000][random.below(3)] ?? 1,
      maxInflightMessages: 1 + random.below(4),
      maxInflightBytes: 8 + random.below(50),
      maxUncommittedBytes: 20 + random.below(100),
      electionJitter: (bound) => jitter.below(bound),
    };
    this.#encoded = chance(50);
    this.#invariants = new ClusterInvariants(this.#confState, (id) => this.#member(id).disk);
    for (const id of [...ids, ...learners])
      this.#members.set(BigInt(id), new Member(this.#confState));
    for (const id of this.#members.keys()) this.#start(id);
  }

  get #ids(): readonly bigint[] {
    return [...this.#members.keys()];
  }

  #member(id: bigint): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`there is no member ${id}`);
    return member;
  }

  #start(id: bigint): void {
    const member = this.#member(id);
    const lost = this.#random.below(member.applied - member.appliedDurably + 1);
    member.applied -= lost;
    member.raft = new Raft({ ...this.#config, id }, member.disk.restore(member.applied));
    member.work = undefined;
    member.phase = 'ready';
    this.#invariants.restarted(id);
  }

  /** Power fails at `id`, whatever it is doing. */
  #crash(id: bigint): void {
    const member = this.#member(id);
    if (member.raft === undefined) return;
    this.counts.crashes++;
    if (member.phase === 'persist' && member.work !== undefined) {
      member.disk.persistTorn(member.work, this.#random.below(member.work.entries.length + 1));
    }
    member.disk.losePower();
    member.raft = undefined;
  }

  /** Gives `act` a machine, and checks it before and after. */
  #touch(id: bigint, act: (raft: Raft, member: Member) => void): void {
    const member = this.#member(id);
    const { raft } = member;
    if (raft === undefined) return;
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
      this.#network.push(message);
    }
    if (this.#network.length > NETWORK_MESSAGES_MAX) this.#network.shift();
  }

  /** The next phase of a member's work on a Ready. */
  #work(id: bigint): void {
    this.#touch(id, (raft, member) => {
      const { work } = member;
      switch (member.phase) {
        case 'ready':
          if (!raft.hasReady()) return;
          member.work = raft.ready();
          this.#checkReads(member.work);
          this.#post(member.work.messagesBeforePersist);
          member.phase = 'persist';
          return;
        case 'persist':
          if (work !== undefined) member.disk.persist(work);
          member.phase = 'send';
          return;
        case 'send':
          this.#post(work?.messages ?? []);
          member.phase = 'apply';
          return;
        case 'apply':
          this.#apply(member, work);
          raft.advance();
          member.phase = 'ready';
      }
    });
  }

  #apply(member: Member, ready: Ready | undefined): void {
    for (const entry of ready?.committedEntries ?? []) {
      if (entry.index !== member.applied + 1) throw new Error('applying skips or repeats an entry');
      const committed = this.#invariants.committedEntry(entry.index);
      if (committed?.term !== entry.term) throw new Error(`applied ${entry.index}, not committed`);
      if (member.disk.termAt(entry.index) !== entry.term) throw new Error('applied, not on disk');
      member.applied = entry.index;
    }
    if (this.#random.below(8) === 0) member.appliedDurably = member.applied;
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
    if (this.#network.length === 0) return;
    const reorder = this.#random.below(4) === 0;
    const position = reorder ? this.#random.below(this.#network.length) : 0;
    const message = this.#network[position];
    if (message === undefined) return;
    const keep = this.#random.below(20) === 0;
    if (!keep) this.#network.splice(position, 1);
    if (this.#cut.has(`${message.from}>${message.to}`) || this.#random.below(30) === 0) return;
    const received = this.#encoded ? decodePeerMessage(encodePeerMessage(message)) : message;
    this.#touch(message.to, (raft) => raft.step(received));
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

  #read(id: bigint): void {
    this.#touch(id, (raft) => {
      const context = ++this.#context;
      if (raft.requestRead(context).accepted) {
        this.#readFloors.set(context, this.#invariants.committed);
      }
    });
  }

  /** Only what every member has, and the leader knows that it has: nobody is sent a snapshot. */
  #compact(id: bigint): void {
    this.#touch(id, (raft, member) => {
      const held = [...this.#members.values()].map(({ disk }) => disk.commit);
      const matched = this.#ids.map((peer) => raft.progressOf(peer)?.match ?? raft.applied);
      const index = Math.min(...held, ...matched, member.appliedDurably);
      if (index > member.disk.mark.index) raft.compactLog(member.disk.compact(index));
    });
  }

  #changePartition(): void {
    this.#cut = new Set();
    if (this.#random.below(2) === 0) return;
    const loser = this.#random.below(3);
    for (const from of this.#ids) {
      for (const to of this.#ids) {
        const apart = (Number(from) % 3 === loser) !== (Number(to) % 3 === loser);
        if (apart) this.#cut.add(`${from}>${to}`);
      }
    }
  }

  /** The next member from `id` on that has anything to do. */
  #workNext(id: bigint): void {
    const count = BigInt(this.#members.size);
    for (let offset = 0n; offset < count; offset++) {
      const next = ((id - 1n + offset) % count) + 1n;
      const { raft, phase } = this.#member(next);
      if (raft !== undefined && (phase !== 'ready' || raft.hasReady())) {
        this.#work(next);
        return;
      }
    }
  }

  /** One random event. */
  step(): void {
    const ids = this.#ids;
    const id = ids[this.#random.below(ids.length)] ?? 1n;
    const dice = this.#random.below(1000);
    if (dice < 400) this.#deliver();
    else if (dice < 750) this.#workNext(id);
    else if (dice < 910) this.#touch(id, (raft) => raft.tick());
    else if (dice < 940) this.#propose(id);
    else if (dice < 975) this.#read(id);
    else if (dice < 982) this.#compact(id);
    else if (dice < 985) this.#touch(id, (raft) => raft.campaign());
    else if (dice < 988) this.#changePartition();
    else if (dice < 991) this.#crash(id);
    else {
      const down = ids.find((each) => this.#member(each).raft === undefined);
      if (down !== undefined) this.#start(down);
    }
  }

  /**
   * Everything heals: the members must agree on a leader, commit and read. Fails if they do not.
   */
  mustRecover(): void {
    this.#cut = new Set();
    for (const id of this.#ids) if (this.#member(id).raft === undefined) this.#start(id);
    const readsBefore = this.counts.reads;
    let target = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 400; round++) {
      for (const id of this.#ids) this.#touch(id, (raft) => raft.tick());
      for (let turn = 0; turn < 40; turn++) this.#calm();
      if (target === Number.POSITIVE_INFINITY) {
        const leader = this.#ids.find((id) => this.#member(id).raft?.role === 'leader');
        if (leader !== undefined && this.#propose(leader)) {
          target = this.#member(leader).raft?.lastIndex ?? target;
        }
      }
      const applied = Math.min(...[...this.#members.values()].map((member) => member.applied));
      if (applied >= target && this.counts.reads > readsBefore) return;
      if (applied < target && round % 40 === 39) target = Number.POSITIVE_INFINITY;
      if (this.#ids[round % this.#ids.length] !== undefined) {
        this.#read(this.#ids[round % this.#ids.length] ?? 1n);
      }
    }
    const states = [...this.#members.values()].map(({ raft, applied }) =>
      [raft?.id, raft?.role, raft?.term, raft?.committed, raft?.lastIndex, applied].join(' '),
    );
    throw new Error(`the cluster does not recover: ${states.join(' | ')}`);
  }

  /** Work and delivery without faults. */
  #calm(): void {
    for (const id of this.#ids) this.#work(id);
    const messages = this.#network;
    this.#network = [];
    for (const message of messages) this.#touch(message.to, (raft) => raft.step(message));
  }
}
