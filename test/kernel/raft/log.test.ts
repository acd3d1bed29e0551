/** Proves what the log in memory keeps, replaces, forgets, and refuses to hold. */
import assert from 'node:assert/strict';
import { Log } from '../../../src/kernel/raft/log.js';
import type { Entry, SnapshotMark } from '../../../src/kernel/raft/types.js';
import { confStateOf } from './member-disk.js';

function entry(index: number, term: number, byteCount = 1): Entry {
  return { index, term, kind: 'normal', data: new Uint8Array(byteCount) };
}

function markAt(index: number, term: number): SnapshotMark {
  return { index, term, confState: confStateOf([1]) };
}

/** A log of one entry per term given, from index 1. */
function logOf(terms: readonly number[], committed = 0): Log {
  return new Log(
    markAt(0, 0),
    terms.map((term, at) => entry(at + 1, term)),
    committed,
    0,
  );
}

function termsOf(log: Log): (number | undefined)[] {
  const terms = [];
  for (let index = log.firstIndex; index <= log.lastIndex; index++) terms.push(log.termAt(index));
  return terms;
}

describe('raft log', () => {
  it('refuses what does not fit together', () => {
    const entries = [entry(3, 1), entry(4, 2)];
    assert.throws(() => new Log(markAt(3, 1), entries, 3, 3), /does not follow/);
    assert.throws(() => new Log(markAt(2, 2), entries, 2, 2), /does not follow/);
    assert.throws(() => new Log(markAt(2, 1), entries, 5, 2), /committed 5/);
    assert.throws(() => new Log(markAt(2, 1), entries, 4, 1), /applied 1/);
    assert.throws(() => new Log(markAt(2, 1), entries, 3, 4), /applied 4/);
    const log = new Log(markAt(2, 1), entries, 3, 2);
    assert.deepEqual([log.firstIndex, log.lastIndex, log.lastTerm, log.persisted], [3, 4, 2, 4]);
    assert.deepEqual(
      [1, 2, 3, 5].map((at) => log.termAt(at)),
      [undefined, 1, 1, undefined],
    );
  });

  it('keeps what an old append does not contradict', () => {
    const log = logOf([1, 1, 2, 2]);
    const kept = log.entryAt(2);
    assert.equal(log.merge([entry(1, 1), entry(2, 1)]), true);
    assert.deepEqual(termsOf(log), [1, 1, 2, 2]);
    assert.equal(log.entryAt(2), kept);
  });

  it('replaces from the first difference on, and persists that again', () => {
    const log = logOf([1, 1, 1, 1], 1);
    assert.equal(log.merge([entry(2, 1), entry(3, 2)]), true);
    assert.deepEqual(termsOf(log), [1, 1, 2]);
    assert.equal(log.persisted, 2);
    assert.deepEqual(
      log.handOut().map(({ index }) => index),
      [3],
    );
    log.persistedHandedOut();
    assert.equal(log.persisted, 3);
  });

  it('does not take what was handed out and replaced meanwhile for persisted', () => {
    const log = logOf([1]);
    log.merge([entry(2, 1), entry(3, 1)]);
    log.handOut();
    log.merge([entry(3, 2), entry(4, 2)]);
    log.persistedHandedOut();
    assert.equal(log.persisted, 2);
    assert.deepEqual(
      log.handOut().map(({ index, term }) => [index, term]),
      [
        [3, 2],
        [4, 2],
      ],
    );
  });

  it('never replaces what is committed', () => {
    const log = logOf([1, 1], 2);
    assert.equal(log.merge([entry(2, 2)]), false);
    assert.deepEqual(termsOf(log), [1, 1]);
  });

  it('compares logs by last term, then by length', () => {
    const log = logOf([1, 2]);
    assert.equal(log.isUpToDate(1, 3), true);
    assert.equal(log.isUpToDate(2, 2), true);
    assert.equal(log.isUpToDate(1, 2), false);
    assert.equal(log.isUpToDate(9, 1), false);
  });

  it('skips whole terms when it looks for common ground', () => {
    const log = logOf([1, 1, 3, 3, 3, 5]);
    assert.equal(log.lastIndexWithin(6, 4), 5);
    assert.equal(log.lastIndexWithin(5, 2), 2);
    assert.equal(log.lastIndexWithin(99, 9), 6);
    assert.equal(log.lastIndexWithin(4, 0), 0);
  });

  it('slices by bytes, but never to nothing', () => {
    const log = new Log(markAt(0, 0), [entry(1, 1, 5), entry(2, 1, 5), entry(3, 1, 5)], 0, 0);
    const indexes = (bytesMax: number): number[] =>
      log.slice(1, 3, bytesMax).map(({ index }) => index);
    assert.deepEqual(indexes(1), [1]);
    assert.deepEqual(indexes(10), [1, 2]);
    assert.deepEqual(indexes(14), [1, 2]);
    assert.deepEqual(indexes(15), [1, 2, 3]);
    assert.deepEqual(log.slice(4, 9, 10), []);
    assert.equal(log.bytesWithin(2, 3), 10);
  });

  it('moves its commit index forward only, and applies only what is persisted', () => {
    const log = logOf([1, 1]);
    log.append(entry(3, 1));
    log.commitTo(99);
    assert.equal(log.committed, 3);
    log.commitTo(1);
    assert.equal(log.committed, 3);
    assert.equal(log.applicable, 2);
    assert.throws(() => log.appliedTo(3), /outside/);
    log.appliedTo(2);
    assert.throws(() => log.appliedTo(1), /outside/);
    assert.throws(() => log.append(entry(5, 1)), /gap/);
  });

  it('forgets what was applied, and nothing else', () => {
    const log = logOf([1, 1, 2, 2], 4);
    assert.throws(() => log.compact(markAt(1, 1)), /not applied/);
    log.appliedTo(3);
    assert.throws(() => log.compact(markAt(3, 1)), /not of term/);
    log.compact(markAt(3, 2));
    log.compact(markAt(1, 1));
    assert.deepEqual(
      [log.firstIndex, log.lastIndex, log.termAt(3), log.termAt(2)],
      [4, 4, 2, undefined],
    );
    assert.throws(() => log.slice(3, 4, 10), /not in memory/);
    log.append(entry(5, 2));
    assert.deepEqual(
      log.handOut().map(({ index }) => index),
      [5],
    );
  });

  it('begins anew behind a snapshot, never behind what it has committed', () => {
    const log = logOf([1, 1, 2], 2);
    assert.throws(() => log.restore(markAt(2, 1)), /would undo/);
    log.append(entry(4, 2));
    log.restore(markAt(3, 3));
    const places = [log.firstIndex, log.lastIndex, log.lastTerm, log.committed, log.applied];
    assert.deepEqual(places, [4, 3, 3, 3, 3]);
    assert.deepEqual([log.persisted, log.hasUnpersisted, log.mark.index], [3, false, 3]);
    log.append(entry(4, 3));
    assert.deepEqual(
      log.handOut().map(({ index }) => index),
      [4],
    );
  });

  it('knows where the configuration changes', () => {
    const log = logOf([1, 1]);
    log.append({ ...entry(3, 1), kind: 'config' });
    assert.deepEqual([log.hasConfigWithin(1, 2), log.hasConfigWithin(1, 3)], [false, true]);
    assert.equal(log.hasConfigWithin(4, 9), false);
  });
});
