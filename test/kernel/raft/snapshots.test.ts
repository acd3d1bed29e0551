/**
 * Proves what a machine makes of states that take the place of its log: when they are news, when
 * they wait, and when a leader asks for one.
 */
import assert from 'node:assert/strict';
import type { SnapshotMessage } from '../../../src/kernel/raft/messages.js';
import { EMPTY_CONF_STATE, type Entry } from '../../../src/kernel/raft/types.js';
import { changeOf, describeConf } from './change-text.js';
import { confStateOf } from './member-disk.js';
import { machine, drain, sent, leader, accept, config } from './machine.js';

describe('snapshots', () => {
  const snapshot = (index: number, term = 1): SnapshotMessage => {
    const mark = { index, term, confState: confStateOf([1, 2, 3]) };
    return { kind: 'snapshot', from: 2n, to: 1n, term: 2, mark };
  };
  const blank = { mark: { index: 0, term: 0, confState: EMPTY_CONF_STATE } };

  it('give a member that knows nothing its beginning', () => {
    const raft = machine([], blank);
    assert.equal(raft.promotable, false);
    raft.step(snapshot(7));
    raft.campaign();
    assert.equal(raft.role, 'follower', 'it is not installed yet');
    const ready = raft.ready();
    assert.deepEqual([ready.snapshot?.index, ready.mustSync], [7, true]);
    assert.deepEqual(ready.hardState, { term: 2, vote: 0n, commit: 7 });
    assert.equal(raft.promotable, false);
    raft.advance();
    assert.deepEqual([raft.promotable, raft.applied, raft.lastIndex], [true, 7, 7]);
  });

  it('that come while a Ready is out wait for its end, the newest of them', () => {
    const raft = machine([1, 2]);
    const entries = [config(1, 1, 'simple +4'), config(2, 1, 'simple +3')];
    raft.step({
      kind: 'append',
      from: 2n,
      to: 1n,
      term: 2,
      prevIndex: 0,
      prevTerm: 0,
      entries,
      commit: 2,
    });
    raft.ready();
    raft.advance();
    const ready = raft.ready();
    raft.step(snapshot(8));
    raft.step(snapshot(6));
    for (const entry of ready.committedEntries) raft.applyConfChange(changeOf(entry));
    assert.deepEqual([describeConf(raft.confState), raft.committed], ['1 2 3 4', 2]);
    raft.advance();
    assert.deepEqual([describeConf(raft.confState), raft.committed], ['1 2 3', 8]);
    assert.equal(raft.ready().snapshot?.index, 8);
  });

  it('of an earlier term are news all the same, but never to a leader', () => {
    const raft = machine([1, 2, 3], { hardState: { term: 5, vote: 0n, commit: 0 } });
    raft.step(snapshot(4));
    assert.deepEqual([raft.committed, raft.term, raft.leader], [4, 5, 0n]);
    const leads = leader();
    leads.step({ ...snapshot(9), term: 1 });
    assert.equal(leads.committed, 1);
  });

  it('never go below the commit index', () => {
    const entries: Entry[] = [1, 2, 3].map((index) => {
      return { index, term: 1, kind: 'normal', data: new Uint8Array(1) };
    });
    const raft = machine([1, 2, 3], { entries, hardState: { term: 1, vote: 0n, commit: 2 } });
    raft.step(snapshot(2));
    raft.step(snapshot(1));
    assert.deepEqual([raft.committed, raft.lastIndex, raft.firstIndex], [2, 3, 1]);
    raft.step(snapshot(3));
    assert.deepEqual([raft.committed, raft.firstIndex], [3, 1], 'the log has it already');
    assert.ok(drain(raft).every((ready) => ready.snapshot === undefined));
  });

  it('are asked for once, not for who is silent, and again when one has failed', () => {
    const raft = leader();
    raft.propose([new Uint8Array(1)]);
    drain(raft);
    accept(raft, 2n);
    raft.compactLog({ index: 2, term: 1, confState: raft.confState });
    const asked = (): number =>
      sent(drain(raft)).filter(({ kind, to }) => kind === 'snapshot' && to === 3n).length;
    const heartbeatResponse = (): void =>
      raft.step({ kind: 'heartbeatResponse', from: 3n, to: 1n, term: 1, readRound: 0 });
    raft.propose([new Uint8Array(1)]);
    assert.equal(asked(), 0, '3 was never heard');
    heartbeatResponse();
    assert.equal(asked(), 1);
    assert.equal(raft.progressOf(3n)?.state, 'snapshot');
    heartbeatResponse();
    raft.propose([new Uint8Array(1)]);
    assert.equal(asked(), 0);
    raft.snapshotReported(3n, false);
    assert.equal(asked(), 0);
    heartbeatResponse();
    assert.equal(asked(), 1);
    raft.snapshotReported(3n, true);
    assert.deepEqual([raft.progressOf(3n)?.state, raft.progressOf(3n)?.next], ['probe', 3]);
    raft.snapshotReported(3n, false);
    assert.equal(raft.progressOf(3n)?.next, 3, 'a report too many changes nothing');
  });
});
