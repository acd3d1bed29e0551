/** A machine of its own, driven by hand: what tests of raft's parts share. */
import assert from 'node:assert/strict';
import type { RaftConfig, RestoredState } from '../../../src/kernel/raft/config.js';
import type { Message } from '../../../src/kernel/raft/messages.js';
import { Raft } from '../../../src/kernel/raft/raft.js';
import type { Ready } from '../../../src/kernel/raft/ready.js';
import { EMPTY_HARD_STATE, type Entry } from '../../../src/kernel/raft/types.js';
import { changeData, changeOf, parseChange } from './change-text.js';
import { confStateOf } from './member-disk.js';

export const CONFIG: RaftConfig = {
  id: 1n,
  electionTicks: 10,
  heartbeatTicks: 1,
  preVote: false,
  checkQuorum: true,
  maxMessageBytes: 1000,
  maxInflightMessages: 4,
  maxInflightBytes: 1000,
  maxUncommittedBytes: 100,
  electionJitter: () => 0,
};

export function machine(
  voters: readonly number[],
  change: Partial<RestoredState> = {},
  config: Partial<RaftConfig> = {},
): Raft {
  const mark = { index: 0, term: 0, confState: confStateOf(voters) };
  const restored = { hardState: EMPTY_HARD_STATE, mark, entries: [], applied: 0, ...change };
  return new Raft({ ...CONFIG, ...config }, restored);
}

/** Works off what is ready, applying changes on the way. */
export function drain(raft: Raft): Ready[] {
  const all: Ready[] = [];
  while (raft.hasReady()) {
    const ready = raft.ready();
    for (const entry of ready.committedEntries) {
      if (entry.kind === 'config') raft.applyConfChange(changeOf(entry));
    }
    raft.advance();
    all.push(ready);
  }
  return all;
}

export function sent(readies: readonly Ready[]): Message[] {
  return readies.flatMap((ready) => [...ready.messagesBeforePersist, ...ready.messages]);
}

/** A leader of term 1 over voters 1..3 that has committed its first entry. */
export function leader(config: Partial<RaftConfig> = {}): Raft {
  const raft = machine([1, 2, 3], {}, config);
  raft.campaign();
  drain(raft);
  const known = { commit: 0, commitTerm: 0 };
  raft.step({ kind: 'voteResponse', from: 2n, to: 1n, term: 1, granted: true, ...known });
  drain(raft);
  accept(raft, 2n);
  assert.equal(raft.applied, 1);
  return raft;
}

export function accept(raft: Raft, from: bigint, matchIndex = raft.lastIndex): Ready[] {
  raft.step({ kind: 'appendAccepted', from, to: 1n, term: raft.term, matchIndex });
  return drain(raft);
}

export function propose(raft: Raft, text: string): string {
  const change = parseChange(text);
  const result = raft.proposeConfChange(change, changeData(change));
  return result.accepted ? 'accepted' : result.reason;
}

export const config = (index: number, term: number, text: string): Entry => {
  return { index, term, kind: 'config', data: changeData(parseChange(text)) };
};
