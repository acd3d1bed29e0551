// Proves that the judge of the crash tests finds what it is there for: a revision that was shown
// and is gone, one that was replaced, and one that nobody was shown before the next.
import assert from 'node:assert/strict';
import type { RevisionBatch } from '../../src/store/index.js';
import { openSimKernel, simWorld } from '../support/sim-kernel.js';
import { Judge } from './crash-judge.js';
import type { Memory, TxnCall } from './crash-life.js';
import { MARK_PREFIX } from './crash-requests.js';

const NAMES = ['txn 0', 'txn 1', 'txn 2'];

/** Judges a member that did three transactions after the history in `alter`'s hands was changed. */
async function judgeAfter(alter: (batches: RevisionBatch[]) => void): Promise<void> {
  const memory: Memory = {
    txns: [],
    ranges: [],
    leases: [],
    batches: [],
    compactRevision: -1,
    compactions: new Set(),
  };
  const kernel = await openSimKernel(simWorld(1));
  kernel.store.revisions$.subscribe((batch) => memory.batches.push(batch));
  for (const name of NAMES) {
    const request: TxnCall['request'] = {
      compare: [],
      success: [{ kind: 'put', key: `${MARK_PREFIX}1`, value: name }],
      failure: [],
    };
    const result = await kernel.store.txn(request);
    memory.txns.push({ name, request, result, refused: undefined });
  }
  alter(memory.batches);
  try {
    await new Judge(memory).judge(kernel);
  } finally {
    await kernel.close();
  }
}

describe('the judge of members under power cuts', () => {
  it('is content with a member that holds what it showed', async () => {
    await judgeAfter(() => undefined);
  });

  it('finds by itself what nobody saw before the power went', async () => {
    await judgeAfter((batches) => batches.splice(1));
  });

  it('misses a revision that was shown', async () => {
    const lost = judgeAfter((batches) => batches.push({ revision: 5, events: [] }));
    await assert.rejects(lost, /revision 4, but 5 was emitted before/);
  });

  it('notices a revision that has another content than was shown', async () => {
    const replaced = judgeAfter((batches) => {
      batches[1] = { revision: 3, events: batches[0]?.events ?? [] };
    });
    await assert.rejects(replaced, assert.AssertionError);
  });

  it('does not take a gap in what was shown for a loss', async () => {
    const gap = judgeAfter((batches) => batches.splice(1, 1));
    await assert.rejects(gap, /with a gap, or twice/);
  });
});
