// Proves when history is compacted without being asked: in periodic mode what is a period old,
// looked at ten times a period; in revision mode what is too many revisions back; and never by a
// follower.
import assert from 'node:assert/strict';
import { AutoCompaction } from '../../src/server/auto-compaction.js';
import type { AutoCompactionConfig } from '../../src/server/config/auto-compaction-config.js';
import { SimClock } from '../../src/simulation/sim-clock.js';
import { StoreError } from '../../src/store/index.js';

const MINUTE_MS = 60_000;

function start(config: AutoCompactionConfig) {
  const clock = new SimClock();
  const state = { revision: 1, leads: true, failures: 0, compacted: [] as number[] };
  const compaction = new AutoCompaction(config, {
    store: {
      compact: ({ revision }) => {
        if (state.failures > 0) {
          state.failures -= 1;
          return Promise.reject(new StoreError('Timeout'));
        }
        state.compacted.push(revision);
        const header = { clusterId: 1n, memberId: 1n, revision, raftTerm: 1 };
        return Promise.resolve({ header });
      },
    },
    revision: () => state.revision,
    leads: () => state.leads,
    clock,
    trace: { event: () => {} },
  });
  /** A revision a minute. */
  const pass = async (minutes: number): Promise<void> => {
    for (let i = 0; i < minutes; i++) {
      await clock.advance(MINUTE_MS);
      state.revision += 1;
    }
  };
  return { state, pass, compaction };
}

describe('AutoCompaction', () => {
  it('compacts to the revision of a period ago, first after a whole period', async () => {
    const { state, pass } = start({ mode: 'periodic', periodMs: 10 * MINUTE_MS });
    await pass(9);
    assert.deepEqual(state.compacted, []);
    await pass(1);
    assert.deepEqual(state.compacted, [1]);
    await pass(10);
    assert.equal(state.compacted.length, 2);
    const [, second = 0] = state.compacted;
    assert.ok(second >= 9 && second <= 11, `${second}`);
  });

  it('waits a whole long period once, then compacts every hour', async () => {
    const { state, pass } = start({ mode: 'periodic', periodMs: 180 * MINUTE_MS });
    await pass(179);
    assert.deepEqual(state.compacted, []);
    await pass(1);
    assert.deepEqual(state.compacted, [1]);
    await pass(120);
    assert.equal(state.compacted.length, 3);
  });

  it('keeps so many revisions, looking every five minutes', async () => {
    const { state, pass } = start({ mode: 'revision', keptRevisions: 100 });
    state.revision = 50;
    await pass(5);
    assert.deepEqual(state.compacted, []);
    state.revision = 300;
    await pass(5);
    assert.equal(state.compacted.length, 1);
    assert.ok((state.compacted[0] ?? 0) >= 200);
  });

  it('tries again at the next look when it failed, and leaves it to the leader', async () => {
    const { state, pass } = start({ mode: 'periodic', periodMs: 10 * MINUTE_MS });
    state.failures = 2;
    await pass(12);
    assert.equal(state.compacted.length, 1);
    state.leads = false;
    await pass(60);
    assert.equal(state.compacted.length, 1);
  });

  it('does nothing when it is off or stopped', async () => {
    const off = start({ mode: 'off' });
    await off.pass(600);
    assert.deepEqual(off.state.compacted, []);
    const stopped = start({ mode: 'periodic', periodMs: 10 * MINUTE_MS });
    stopped.compaction.stop();
    await stopped.pass(60);
    assert.deepEqual(stopped.state.compacted, []);
  });
});
