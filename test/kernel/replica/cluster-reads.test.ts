// Proves that linearizable reads are linearizable on every member: what was acknowledged before a
// read began is in its answer, a leader that lost its quorum answers none, and a question or an
// answer that gets lost is asked again.
import assert from 'node:assert/strict';
import { Reads } from '../../../src/kernel/replica/reads.js';
import { LIMITS, StoreError } from '../../../src/store/index.js';
import { rejectsWith } from '../../contract/store-harness.js';
import { ClusterLite, ELECTION_MS, type LiteMember } from '../../support/sim-cluster-lite.js';
import { testSeed } from '../../support/world.js';

const decoder = new TextDecoder();

class Machine {
  applied = 10;
  accepts = true;
  readonly asked: number[] = [];
  immediateReadIndex(): number | undefined {
    return undefined;
  }
  requestRead(context: number): { readonly accepted: boolean } {
    if (this.accepts) this.asked.push(context);
    return { accepted: this.accepts };
  }
}

describe('rounds of reads', () => {
  it('are asked again under a fresh number each heartbeat, and any answer will do', async () => {
    const machine = new Machine();
    const reads = new Reads(machine, () => undefined, 100);
    const read = reads.ready();
    reads.ask();
    reads.tick(0, 1000);
    assert.deepEqual(machine.asked, [100]);
    reads.tick(100, 1000);
    reads.tick(200, 1000);
    assert.deepEqual(machine.asked, [100, 101]);
    reads.answered(100, 10);
    reads.release();
    await read;
    reads.tick(300, 1000);
    assert.deepEqual(machine.asked, [100, 101]);
  });

  it('take so many reads and no more, until some were let go', async () => {
    const machine = new Machine();
    const reads = new Reads(machine, () => undefined, 1);
    const read = (): Promise<void> => reads.ready() as Promise<void>;
    const many = Array.from({ length: LIMITS.waitingReads }, read);
    await rejectsWith(read(), 'TooManyRequests');
    reads.ask();
    await rejectsWith(read(), 'TooManyRequests');
    reads.answered(1, 10);
    reads.release();
    await Promise.all(many);
    const last = read();
    reads.ask();
    reads.answered(2, 10);
    reads.release();
    await last;
  });

  it('do not take the answer to an older question for their own', async () => {
    const machine = new Machine();
    const reads = new Reads(machine, () => undefined, 1);
    const early = reads.ready();
    reads.ask();
    const late = reads.ready();
    reads.ask();
    reads.answered(1, 10);
    reads.answered(77, 10);
    reads.release();
    await early;
    let done = false;
    void late?.then(() => {
      done = true;
    });
    await Promise.resolve();
    assert.equal(done, false);
    reads.answered(2, 11);
    reads.release();
    await Promise.resolve();
    assert.equal(done, false);
    machine.applied = 11;
    reads.release();
    await late;
  });

  it('wait for somebody to ask, and are asked as soon as there is one', async () => {
    const machine = new Machine();
    machine.accepts = false;
    const reads = new Reads(machine, () => undefined, 1);
    const read = reads.ready();
    reads.ask();
    reads.tick(0, 1000);
    reads.ask();
    assert.deepEqual(machine.asked, []);
    machine.accepts = true;
    reads.ask();
    assert.deepEqual(machine.asked, [1]);
    reads.answered(1, 3);
    reads.release();
    await read;
  });

  it('are given up after their time, answered or not', async () => {
    const machine = new Machine();
    const reads = new Reads(machine, () => undefined, 1);
    const unanswered = reads.ready();
    reads.ask();
    const behind = reads.ready();
    reads.ask();
    reads.answered(2, 50);
    reads.tick(0, 1000);
    reads.tick(999, 1000);
    reads.tick(1000, 1000);
    await rejectsWith(unanswered as Promise<unknown>, 'Timeout');
    await rejectsWith(behind as Promise<unknown>, 'Timeout');
    reads.close(new StoreError('Stopped'));
    await rejectsWith(reads.ready() as Promise<unknown>, 'Stopped');
  });
});

describe('linearizable reads in a cluster', () => {
  it('of a leader without a quorum are never answered, nor are its writes', async () => {
    const cluster = await new ClusterLite({ seed: 1 }).startAll();
    const old = await cluster.elect();
    await cluster.run(old.running.store.put({ key: 'a', value: 'old' }));
    cluster.isolate(old.id);
    const read = cluster.codeOf(old.running.store.range({ key: 'a' }));
    assert.equal(await read, 'Timeout');
    const leader = await cluster.elect(old.id);
    await cluster.run(leader.running.store.put({ key: 'a', value: 'new' }));
    assert.equal(await cluster.codeOf(old.running.store.range({ key: 'a' })), 'Timeout');
    const stale = await cluster.run(old.running.store.range({ key: 'a', serializable: true }));
    assert.equal(decoder.decode(stale.kvs[0]?.value), 'old');
    const waiting = old.running.store.range({ key: 'a' });
    cluster.heal();
    const { kvs } = await cluster.run(waiting);
    assert.equal(decoder.decode(kvs[0]?.value), 'new');
    await cluster.close();
  });

  it('are answered within their time, or refused then', async () => {
    const cluster = await new ClusterLite({ seed: 2 }).startAll();
    await cluster.elect();
    const lonely = cluster.running.find(({ id }) => id !== cluster.leader?.id) as LiteMember;
    cluster.isolate(lonely.id);
    const startMs = cluster.clock.monotonic();
    assert.equal(await cluster.codeOf(lonely.running.store.range({ key: 'a' })), 'Timeout');
    const tookMs = cluster.clock.monotonic() - startMs;
    const waitMs = LIMITS.requestBaseMs + 2 * ELECTION_MS;
    assert.ok(tookMs >= waitMs && tookMs <= waitMs + 300, `${tookMs} ms`);
    await cluster.close();
  });

  it('see all that was acknowledged before, whatever happens to frames and leaders', async function () {
    this.timeout(60_000);
    const first = testSeed();
    for (let seed = first; seed < first + 4; seed++) {
      try {
        await readUnderChaos(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
  });
});

/** One register that only grows: a read must not see less than what was acknowledged before it. */
async function readUnderChaos(seed: number): Promise<void> {
  const cluster = new ClusterLite({
    seed,
    latencyMs: () => (random.below(12) === 0 ? random.below(2500) : random.below(40)),
  });
  const random = cluster.random.split('reads');
  await cluster.startAll();
  cluster.loses = () => random.below(12) === 0;
  let acknowledged = 0;
  let answers = 0;
  const stale: string[] = [];
  const open: Promise<void>[] = [];
  for (let at = 1; at <= 200; at++) {
    const member = cluster.running[random.below(cluster.running.length)];
    if (member === undefined) continue;
    const put = member.running.store.put({ key: 'x', value: '' });
    open.push(
      put.then(
        ({ header }) => {
          acknowledged = Math.max(acknowledged, header.revision);
        },
        () => undefined,
      ),
    );
    const reader = cluster.running[random.below(cluster.running.length)] as LiteMember;
    const floor = acknowledged;
    open.push(
      reader.running.store.range({ key: 'x' }).then(
        ({ header }) => {
          answers++;
          if (header.revision < floor) stale.push(`${header.revision} after ${floor}`);
        },
        () => undefined,
      ),
    );
    await cluster.advance(random.below(60));
    if (random.below(40) === 0) {
      cluster.heal();
      if (random.below(2) === 0) cluster.isolate(cluster.leader?.id ?? 1n);
    }
  }
  cluster.heal();
  cluster.loses = () => false;
  await cluster.run(Promise.all(open));
  assert.deepEqual(stale, []);
  assert.ok(answers > 80, `only ${answers} answers`);
  await cluster.close();
}
