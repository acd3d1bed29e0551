/**
 * A small language for conversations between raft machines. Messages wait in one queue until they
 * are delivered or dropped; disks keep what was persisted; the election timeout of member n is
 * electionTicks + n - 1. Each command answers with text, and the text of a whole script is golden.
 *
 *   members 3 [learners=4] [outgoing=1,2] [pre-vote] [check-quorum] [bytes=9]  a new cluster
 *   campaign 1 | tick 1 [times] | propose 1 a b | read 1 7                     inputs
 *   ready 1                       works off one Ready: persist, send, apply, advance
 *   deliver [to=2] [from=1]       steps the waiting messages;  drop [to=] [from=]  loses them
 *   stabilize [1 2]               ready and deliver among these members until nothing moves
 *   crash 1 | restart 1           the disk is what remains
 *   join 4                        a member that knows no configuration yet
 *   change 1 joint-auto +4 -2     proposes a change; without more than the 1: leaves a joint one
 *   transfer 1 2 | step-down 1
 *   compact 1 5                   the log up to 5 goes, in memory too
 *   image 1 4                     what a snapshot message becomes: an image of the state of 1, on
 *                                 its way to 4;  report 1 4 ok|failed tells 1 of its end
 *   isolate 3 | heal              a member whose messages, either way, are lost
 *   status
 */
import {
  checkMember,
  checkMemberStep,
  snapshotMember,
} from '../../../src/kernel/raft/invariants.js';
import type { Message } from '../../../src/kernel/raft/messages.js';
import { Raft } from '../../../src/kernel/raft/raft.js';
import type { Ready } from '../../../src/kernel/raft/ready.js';
import {
  type ConfChange,
  type ConfState,
  EMPTY_CONF_STATE,
} from '../../../src/kernel/raft/types.js';
import { changeData, changeOf, describeConf, parseChange } from './change-text.js';
import { confStateOf, MemberDisk } from './member-disk.js';
import { describeEntry, describeMark, describeMessage } from './transcript-text.js';

const ROUNDS_MAX = 200;
const encoder = new TextEncoder();

interface Member {
  readonly disk: MemberDisk;
  raft: Raft | undefined;
  applied: number;
}

export class TranscriptEnvironment {
  readonly #members = new Map<bigint, Member>();
  #settings = { preVote: false, checkQuorum: false, maxMessageBytes: 1000 };
  #queue: Message[] = [];
  #isolated = new Set<bigint>();
  #output: string[] = [];

  /** Runs one line and returns what it has to say. */
  run(line: string): readonly string[] {
    this.#output = [];
    const [command = '', ...words] = line.split(' ');
    const options = new Map<string, string | undefined>();
    for (const word of words) {
      const [name = '', value] = word.split('=');
      options.set(name, value);
    }
    const ids = words.filter((word) => /^\d+$/.test(word)).map(BigInt);
    const id = ids[0] ?? 0n;
    switch (command) {
      case 'members':
        this.#create(Number(id), options);
        break;
      case 'campaign':
        this.#touch(id, (raft) => raft.campaign());
        break;
      case 'tick':
        for (let left = Number(ids[1] ?? 1n); left > 0; left--)
          this.#touch(id, (raft) => raft.tick());
        break;
      case 'propose':
        this.#propose(id, words.slice(1));
        break;
      case 'read':
        this.#read(id, Number(ids[1]));
        break;
      case 'join':
        this.#members.set(id, {
          disk: new MemberDisk(EMPTY_CONF_STATE),
          raft: undefined,
          applied: 0,
        });
        this.#start(id);
        break;
      case 'change':
        this.#change(id, parseChange(words.slice(1).join(' ')));
        break;
      case 'compact':
        this.#touch(id, (raft, { disk }) => raft.compactLog(disk.compact(Number(ids[1]))));
        break;
      case 'image':
        this.#sendImage(id, ids[1] ?? 0n);
        break;
      case 'report':
        this.#touch(id, (raft) => raft.snapshotReported(ids[1] ?? 0n, words[2] === 'ok'));
        break;
      case 'transfer':
        this.#touch(id, (raft) => {
          if (!raft.transferLeadership(ids[1] ?? 0n)) this.#say('refused');
        });
        break;
      case 'step-down':
        this.#touch(id, (raft) => raft.stepDown());
        break;
      case 'ready':
        if (!this.#work(id)) this.#say(`${id} has nothing ready`);
        break;
      case 'deliver':
      case 'drop':
        this.#deliver(options, command === 'drop');
        break;
      case 'stabilize':
        this.#stabilize(ids);
        break;
      case 'crash':
        this.#member(id).raft = undefined;
        break;
      case 'restart':
        this.#start(id);
        break;
      case 'isolate':
        this.#isolated.add(id);
        break;
      case 'heal':
        this.#isolated.clear();
        break;
      case 'status':
        for (const each of this.#members.keys()) this.#status(each);
        break;
      default:
        throw new Error(`unknown command: ${line}`);
    }
    return this.#output;
  }

  #say(text: string): void {
    this.#output.push(text);
  }

  #member(id: bigint): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`there is no member ${id}`);
    return member;
  }

  #create(voterCount: number, options: ReadonlyMap<string, string | undefined>): void {
    const listed = (name: string): number[] => (options.get(name)?.split(',') ?? []).map(Number);
    const voters = Array.from({ length: voterCount }, (_, position) => position + 1);
    const learners = listed('learners');
    const confState: ConfState = {
      ...confStateOf(voters, learners),
      votersOutgoing: listed('outgoing').map(BigInt),
    };
    this.#settings = {
      preVote: options.has('pre-vote'),
      checkQuorum: options.has('check-quorum'),
      maxMessageBytes: Number(options.get('bytes') ?? 1000),
    };
    for (const id of [...voters, ...learners]) {
      this.#members.set(BigInt(id), {
        disk: new MemberDisk(confState),
        raft: undefined,
        applied: 0,
      });
      this.#start(BigInt(id));
    }
  }

  #start(id: bigint): void {
    const member = this.#member(id);
    member.raft = new Raft(
      {
        id,
        electionTicks: 10,
        heartbeatTicks: 1,
        ...this.#settings,
        maxInflightMessages: 4,
        maxInflightBytes: 1000,
        maxUncommittedBytes: 1000,
        electionJitter: () => Number(id) - 1,
      },
      member.disk.restore(member.applied),
    );
  }

  #touch(id: bigint, act: (raft: Raft, member: Member) => void): void {
    const member = this.#member(id);
    if (member.raft === undefined) return;
    const before = snapshotMember(member.raft);
    act(member.raft, member);
    checkMember(member.raft);
    checkMemberStep(before, member.raft);
  }

  #propose(id: bigint, texts: readonly string[]): void {
    this.#touch(id, (raft) => {
      const result = raft.propose(texts.map((text) => encoder.encode(text)));
      this.#say(result.accepted ? `accepted at ${result.firstIndex}` : `refused: ${result.reason}`);
    });
  }

  #change(id: bigint, change: ConfChange): void {
    this.#touch(id, (raft) => {
      const result = raft.proposeConfChange(change, changeData(change));
      this.#say(result.accepted ? `accepted at ${result.firstIndex}` : `refused: ${result.reason}`);
    });
  }

  #sendImage(from: bigint, to: bigint): void {
    const { raft, disk, applied } = this.#member(from);
    if (raft === undefined) throw new Error(`${from} is down`);
    const mark = { index: applied, term: disk.termAt(applied) ?? 0, confState: raft.confState };
    this.#post([{ kind: 'snapshot', from, to, term: raft.term, mark }]);
  }

  #read(id: bigint, context: number): void {
    this.#touch(id, (raft) => {
      const result = raft.requestRead(context);
      if (!result.accepted) this.#say(`refused: ${result.reason}`);
    });
  }

  /** Persist, send, apply, advance: one Ready, in its order. */
  #work(id: bigint): boolean {
    let worked = false;
    this.#touch(id, (raft, member) => {
      if (!raft.hasReady()) return;
      worked = true;
      const ready = raft.ready();
      this.#sayReady(id, ready);
      // The caller answers a request for a snapshot with an image, at a time of its own.
      this.#post(ready.messagesBeforePersist.filter(({ kind }) => kind !== 'snapshot'));
      member.disk.persist(ready);
      this.#post(ready.messages);
      this.#apply(raft, member, ready);
      raft.advance();
    });
    return worked;
  }

  #apply(raft: Raft, member: Member, ready: Ready): void {
    member.applied = ready.snapshot?.index ?? member.applied;
    for (const entry of ready.committedEntries) {
      member.applied = entry.index;
      if (entry.kind !== 'config') continue;
      const confState = raft.applyConfChange(changeOf(entry));
      member.disk.noteConf(entry.index, confState);
      this.#say(`  now ${describeConf(confState)}`);
    }
  }

  #sayReady(id: bigint, ready: Ready): void {
    const { softState, hardState } = ready;
    const parts = [`${id} ready`];
    if (softState !== undefined) parts.push(`${softState.role} of leader ${softState.leader}`);
    if (hardState !== undefined) {
      parts.push(`term ${hardState.term} vote ${hardState.vote} commit ${hardState.commit}`);
    }
    this.#say(`${parts.join(', ')}${ready.mustSync ? ', sync' : ''}`);
    for (const message of ready.messagesBeforePersist)
      this.#say(`  early ${describeMessage(message)}`);
    if (ready.snapshot !== undefined) this.#say(`  install ${describeMark(ready.snapshot)}`);
    for (const entry of ready.entries) this.#say(`  persist ${describeEntry(entry)}`);
    for (const message of ready.messages) this.#say(`  send ${describeMessage(message)}`);
    for (const entry of ready.committedEntries) this.#say(`  apply ${describeEntry(entry)}`);
    for (const { context, index } of ready.readStates) this.#say(`  read ${context} at ${index}`);
  }

  #post(messages: readonly Message[]): void {
    for (const message of messages) {
      const lost = this.#isolated.has(message.from) || this.#isolated.has(message.to);
      if (!lost) this.#queue.push(message);
    }
  }

  #deliver(options: ReadonlyMap<string, string | undefined>, lose: boolean): void {
    const [to, from] = [options.get('to'), options.get('from')];
    const chosen = (message: Message): boolean =>
      (to === undefined || message.to === BigInt(to)) &&
      (from === undefined || message.from === BigInt(from));
    const messages = this.#queue.filter(chosen);
    this.#queue = this.#queue.filter((message) => !chosen(message));
    for (const message of messages) {
      this.#say(`${lose ? 'lost' : 'got'} ${describeMessage(message)}`);
      if (!lose) this.#touch(message.to, (raft) => raft.step(message));
    }
  }

  #stabilize(only: readonly bigint[]): void {
    const ids = [...this.#members.keys()].filter((id) => only.length === 0 || only.includes(id));
    for (let round = 0; round < ROUNDS_MAX; round++) {
      let moved = false;
      for (const id of ids) while (this.#work(id)) moved = true;
      const inside = ({ from, to }: Message): boolean => ids.includes(from) && ids.includes(to);
      const messages = this.#queue.filter(inside);
      this.#queue = this.#queue.filter((message) => !inside(message));
      for (const message of messages) this.#touch(message.to, (raft) => raft.step(message));
      if (!moved && messages.length === 0) return;
    }
    throw new Error('the members never come to rest');
  }

  #status(id: bigint): void {
    const { raft, disk } = this.#member(id);
    if (raft === undefined) {
      this.#say(`${id} is down`);
      return;
    }
    const log = [];
    for (let index = disk.mark.index + 1; index <= raft.lastIndex; index++) {
      log.push(`${index}/${raft.termAt(index)}`);
    }
    const { role, term, vote, leader, committed, applied } = raft;
    this.#say(
      `${id} ${role}, term ${term}, vote ${vote}, leader ${leader}, ` +
        `committed ${committed}, applied ${applied}, log ${log.join(' ') || 'empty'}`,
    );
  }
}
