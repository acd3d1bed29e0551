// Proves when a member counts as ready: not without a leader, not before the cluster knows where
// its clients find it, and never once it stops.
import assert from 'node:assert/strict';
import type { MemberRecord } from '../../src/kernel/index.js';
import { untilReady } from '../../src/server/readiness.js';
import { StoreError } from '../../src/store/index.js';

const ME = 1n;

function record(id: bigint, name: string): MemberRecord {
  return { id, name, peerUrls: [], clientUrls: [], isLearner: false };
}

describe('a member that starts', () => {
  /** What the cluster's members are, one answer after the other; the last one stays. */
  function ready(stopping: AbortSignal, ...answers: (readonly MemberRecord[] | StoreError)[]) {
    let asked = 0;
    const members = (linearizable: boolean) => {
      assert.ok(linearizable);
      const answer = answers[Math.min(asked++, answers.length - 1)] ?? [];
      return answer instanceof StoreError ? Promise.reject(answer) : Promise.resolve(answer);
    };
    const header = { clusterId: 7n, memberId: ME, revision: 1, raftTerm: 1 };
    const result = untilReady({ kernel: { header: () => header, members }, stopping });
    return { result, asked: () => asked };
  }

  it('is ready when there is a leader, and the cluster knows it', async () => {
    const others = record(2n, 'other');
    const { result, asked } = ready(
      new AbortController().signal,
      new StoreError('NoLeader'),
      new StoreError('Timeout'),
      [others],
      [others, record(ME, '')],
      [others, record(ME, 'me')],
    );
    assert.equal(await result, true);
    assert.equal(asked(), 5);
  });

  it('is not when it stops before', async () => {
    const stopping = new AbortController();
    const { result } = ready(stopping.signal, [record(ME, '')]);
    stopping.abort();
    assert.equal(await result, false);
    assert.equal(
      await ready(new AbortController().signal, new StoreError('Stopped')).result,
      false,
    );
  });
});
