// Proves that a leader of others counts its late heartbeats, and nobody else does; and that rounds
// of reads are counted once when they come to nothing in time or lose their leader.
import assert from 'node:assert/strict';
import { LateHeartbeats } from '../../../src/kernel/replica/late-heartbeats.js';
import { Reads } from '../../../src/kernel/replica/reads.js';
import type { MeterName } from '../../../src/ports/trace.js';

describe('what a member counts of its heartbeats and reads', () => {
  let seen: MeterName[];
  const meter = { observe: (name: MeterName) => void seen.push(name) };

  beforeEach(() => {
    seen = [];
  });

  it('is a heartbeat that was late by more than another', () => {
    let leads = true;
    let alone = false;
    const raft = {
      get role() {
        return leads ? ('leader' as const) : ('follower' as const);
      },
      immediateReadIndex: () => (alone ? 7 : undefined),
    };
    const late = new LateHeartbeats(raft, 100, meter);
    for (const atMs of [0, 100, 300]) late.tick(atMs);
    assert.deepEqual(seen, [], 'in time');
    late.tick(501);
    assert.deepEqual(seen, ['lateHeartbeatCount']);
    leads = false;
    late.tick(600);
    leads = true;
    late.tick(2000);
    assert.equal(seen.length, 1, 'it did not lead in between');
    alone = true;
    for (const atMs of [5000, 9000]) late.tick(atMs);
    assert.equal(seen.length, 1, 'nobody waits for its heartbeats');
  });

  it('is a round of reads that is slow, or fails with its leader', async () => {
    const source = {
      applied: 0,
      immediateReadIndex: () => undefined,
      requestRead: () => ({ accepted: true }),
    };
    const reads = new Reads(source, () => undefined, 1, meter);
    const waiting = [reads.ready(), reads.ready()];
    const refused = waiting.map((read) => assert.rejects(read ?? Promise.resolve(), /timed out/));
    reads.ask();
    reads.retry();
    assert.deepEqual(seen, ['failedReadCount'], 'once for both');
    for (const nowMs of [0, 500, 1000]) reads.tick(nowMs, 1000);
    await Promise.all(refused);
    assert.deepEqual(seen, ['failedReadCount', 'slowReadCount']);
    reads.retry();
    assert.equal(seen.length, 2, 'it is over');
  });
});
