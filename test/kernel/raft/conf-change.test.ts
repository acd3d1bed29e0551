/**
 * Proves what each change makes of each configuration, which changes are refused, and that every
 * two configurations that can follow each other share a member in any two of their majorities.
 */
import assert from 'node:assert/strict';
import {
  changeConf,
  confChangeProblem,
  isJoint,
  isSoundConfState,
  LEAVE_JOINT,
} from '../../../src/kernel/raft/conf-change.js';
import { isVoter, membersOf } from '../../../src/kernel/raft/quorum.js';
import type { ConfState } from '../../../src/kernel/raft/types.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { describeConf, parseChange } from './change-text.js';
import { confStateOf } from './member-disk.js';
import { randomChange } from './simulated-changes.js';

/** The configuration after all changes, as text; or the problem of the first impossible one. */
function after(conf: ConfState, ...changes: readonly string[]): string {
  let present = conf;
  for (const text of changes) {
    const result = changeConf(present, parseChange(text));
    if (!result.possible) return result.problem;
    assert.ok(isSoundConfState(result.confState), describeConf(result.confState));
    present = result.confState;
  }
  return describeConf(present);
}

const THREE = confStateOf([1, 2, 3]);

describe('a simple change', () => {
  const cases: readonly [string, string][] = [
    ['simple +4', '1 2 3 4'],
    ['simple ~4', '1 2 3 ~ 4'],
    ['simple -2', '1 3'],
    ['simple ~2', '1 3 ~ 2'],
    ['simple +2', '1 2 3'],
    ['simple -9', '1 2 3'],
  ];
  for (const [change, result] of cases) {
    it(`${change} of 1 2 3 is ${result}`, () => assert.equal(after(THREE, change), result));
  }

  it('promotes and demotes', () => {
    assert.equal(after(THREE, 'simple ~4', 'simple +4'), '1 2 3 4');
    assert.equal(after(THREE, 'simple ~3', 'simple ~3'), '1 2 ~ 3');
    assert.equal(after(THREE, 'simple ~4', 'simple -4'), '1 2 3');
  });

  it('leaves a voter', () => {
    assert.equal(after(confStateOf([1]), 'simple -1'), 'no voter would be left');
    assert.equal(after(confStateOf([1], [2]), 'simple ~1'), 'no voter would be left');
    assert.equal(after(confStateOf([1], [2]), 'simple +2', 'simple -1'), '2');
  });

  it('needs ids', () => {
    assert.equal(after(THREE, 'simple +0'), 'a member needs an id');
  });
});

describe('a joint change', () => {
  const cases: readonly [string, string][] = [
    ['joint-auto +4', '1 2 3 4 & 1 2 3 auto'],
    ['joint-explicit +4', '1 2 3 4 & 1 2 3'],
    ['joint-auto +4 -1', '2 3 4 & 1 2 3 auto'],
    ['joint-auto -1 ~2 ~4', '3 & 1 2 3 ~ 4 (2) auto'],
    ['joint-explicit -1 +1', '1 2 3 & 1 2 3'],
    ['joint-explicit ~1 -1', '2 3 & 1 2 3'],
    ['joint-explicit ~1 +1', '1 2 3 & 1 2 3'],
    ['joint-explicit ~4 +4 ~4', '1 2 3 & 1 2 3 ~ 4'],
    // Several steps are never taken at once.
    ['simple +4 +5', '1 2 3 4 5 & 1 2 3 auto'],
  ];
  for (const [change, result] of cases) {
    it(`${change} of 1 2 3 is ${result}`, () => assert.equal(after(THREE, change), result));
  }

  it('is left by no steps at all', () => {
    assert.equal(after(THREE, 'joint-auto +4 -1', ''), '2 3 4');
    assert.equal(after(THREE, 'joint-explicit -1 ~2 ~4', ''), '3 ~ 2 4');
    assert.equal(after(THREE, ''), 'the configuration is not joint');
  });

  it('admits no other change until it is left', () => {
    const problem = 'the configuration is joint already';
    assert.equal(after(THREE, 'joint-auto +4', 'simple +5'), problem);
    assert.equal(after(THREE, 'joint-auto +4', 'joint-explicit -4'), problem);
    assert.equal(after(THREE, 'joint-auto -1 -2 -3'), 'no voter would be left');
  });

  it('keeps outgoing voters until it is left, even those that were learners to be', () => {
    const result = changeConf(THREE, parseChange('joint-auto ~1'));
    assert.ok(result.possible && isJoint(result.confState) && isVoter(result.confState, 1n));
    assert.deepEqual(membersOf(result.confState), [2n, 3n, 1n]);
  });
});

describe('what a leader may propose', () => {
  it('removes only who is there', () => {
    assert.equal(confChangeProblem(THREE, parseChange('simple -4')), 'there is no member 4');
    assert.equal(confChangeProblem(THREE, parseChange('simple -3')), undefined);
    assert.equal(confChangeProblem(THREE, parseChange('simple +9')), undefined);
    assert.match(confChangeProblem(THREE, LEAVE_JOINT) ?? '', /not joint/);
  });
});

describe('sound configurations', () => {
  const empty = { voters: [], learners: [], votersOutgoing: [], learnersNext: [] };
  const unsound: readonly [string, Partial<ConfState>][] = [
    ['a voter twice', { voters: [1n, 1n] }],
    ['nobody as a voter', { voters: [0n] }],
    ['a voter that learns', { voters: [1n], learners: [1n] }],
    ['an outgoing voter that learns', { voters: [1n], votersOutgoing: [2n], learners: [2n] }],
    ['a next learner that does not go', { voters: [1n], votersOutgoing: [1n], learnersNext: [2n] }],
    ['a next learner that votes', { voters: [1n], votersOutgoing: [1n], learnersNext: [1n] }],
    ['a next learner without a joint', { voters: [1n], learnersNext: [2n] }],
    ['leaving what is not joint', { voters: [1n], autoLeave: true }],
    ['learners without a voter', { learners: [1n] }],
  ];
  for (const [name, change] of unsound) {
    it(`have not ${name}`, () => {
      assert.equal(isSoundConfState({ ...empty, autoLeave: false, ...change }), false);
    });
  }

  it('may be empty', () => {
    assert.equal(isSoundConfState({ ...empty, autoLeave: false }), true);
  });
});

/** Whether two sets of voters, each deciding in `conf`, could miss each other. */
function decides(conf: ConfState, present: (id: bigint) => boolean): boolean {
  const halves = isJoint(conf) ? [conf.voters, conf.votersOutgoing] : [conf.voters];
  return halves.every((half) => half.filter(present).length * 2 > half.length);
}

describe('successive configurations', () => {
  it('cannot decide apart from each other', () => {
    const seed = Number(process.env['TIDELOCK_SEED'] ?? 3);
    const random = new SimRandom(seed);
    for (let round = 0; round < 150; round++) {
      let conf = confStateOf([1, 2, 3]);
      let newest = 3n;
      for (let step = 0; step < 10; step++) {
        const change = randomChange(random, conf, [], () => ++newest);
        const result = changeConf(conf, change);
        if (!result.possible) continue;
        const next = result.confState;
        assert.ok(isSoundConfState(next), `TIDELOCK_SEED=${seed}`);
        const ids = [...new Set([...membersOf(conf), ...membersOf(next)])];
        for (let set = 0; set < 1 << ids.length; set++) {
          const inSet = (id: bigint): boolean => (set & (1 << ids.indexOf(id))) !== 0;
          const apart = decides(conf, inSet) && decides(next, (id) => !inSet(id));
          const between = `${describeConf(conf)} and ${describeConf(next)}`;
          assert.ok(!apart, `TIDELOCK_SEED=${seed}: ${between} decide apart`);
        }
        conf = next;
      }
    }
  });
});
