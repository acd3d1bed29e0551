// Proves that a proposal of any member gets into the log once: whatever the network loses, doubles
// or holds back, and however often the leader changes, nothing is done twice, nothing that was
// acknowledged is missing, and a change of leader is nobody's error.
import assert from 'node:assert/strict';
import type { Forward, Taken } from '../../../src/kernel/codec/peer-body.js';
import { EntryPayloadWriter } from '../../../src/kernel/codec/entry-payload.js';
import { readForward } from '../../../src/kernel/codec/peer-body.js';
import { ForwardReceiver } from '../../../src/kernel/replica/forward-receiver.js';
import { ForwardSender } from '../../../src/kernel/replica/forward-sender.js';
import { LIMITS } from '../../../src/store/index.js';
import { ClusterLite, ELECTION_MS } from '../../support/sim-cluster-lite.js';
import { testSeed } from '../../support/world.js';

/** The payload of an entry with one command, which ends in that byte. */
function payload(byte: number): Uint8Array {
  const writer = new EntryPayloadWriter({ memberId: 2n, startNonce: 7n });
  writer.add({ kind: 'put', key: 'k', value: Uint8Array.of(byte) }, Number.POSITIVE_INFINITY);
  return writer.finish();
}

class Log {
  readonly entries: number[] = [];
  readonly answers: Taken[] = [];
  takes = true;
  readonly receiver = new ForwardReceiver({
    propose: (payloads) => {
      if (this.takes) this.entries.push(...payloads.map((bytes) => bytes.at(-1) ?? 0));
      return this.takes;
    },
    answer: (_to, taken) => this.answers.push(taken),
  });
}

describe('forwarded proposals', () => {
  const forward = (sequence: number, term = 5): Forward => {
    return { term, sequence, payload: payload(sequence) };
  };

  it('are taken in order, each once', () => {
    const log = new Log();
    for (const sequence of [2, 1, 1, 3, 2, 2, 3, 1]) {
      log.receiver.receive(2n, 7n, forward(sequence), 5);
      log.receiver.flush(5);
    }
    assert.deepEqual(log.entries, [1, 2, 3]);
    assert.deepEqual(
      log.answers.map(({ sequence }) => sequence),
      [0, 1, 1, 1, 2, 2, 3, 3],
    );
  });

  it('are taken in the term that they were meant for, and in no other', () => {
    const log = new Log();
    log.receiver.receive(2n, 7n, forward(1), 6);
    log.receiver.receive(2n, 7n, forward(1), 4);
    log.receiver.receive(2n, 7n, forward(1), undefined);
    log.receiver.flush(6);
    assert.deepEqual(log.entries, []);
    log.receiver.receive(2n, 7n, forward(1, 6), 6);
    log.receiver.receive(2n, 7n, forward(1, 6), 6);
    log.receiver.flush(6);
    assert.deepEqual(log.entries, [1]);
  });

  it('that were gathered in a term that ended meanwhile are dropped', () => {
    const log = new Log();
    log.receiver.receive(2n, 7n, forward(1), 5);
    log.receiver.flush(undefined);
    log.receiver.flush(5);
    assert.deepEqual(log.entries, []);
  });

  it('of each start of each member are counted by themselves', () => {
    const log = new Log();
    log.receiver.receive(2n, 7n, forward(1), 5);
    log.receiver.receive(2n, 8n, forward(1), 5);
    log.receiver.receive(3n, 7n, forward(1), 5);
    log.receiver.receive(2n, 7n, forward(1), 5);
    log.receiver.flush(5);
    assert.deepEqual(log.entries, [1, 1, 1]);
  });

  it('that the log would not take are taken when they come again', () => {
    const log = new Log();
    log.takes = false;
    log.receiver.receive(2n, 7n, forward(1), 5);
    log.receiver.flush(5);
    assert.deepEqual(log.answers.at(-1), { term: 5, sequence: 0, startNonce: 7n });
    log.takes = true;
    log.receiver.receive(2n, 7n, forward(1), 5);
    log.receiver.flush(5);
    assert.deepEqual(log.entries, [1]);
  });

  it('that no member could apply stay out of the log, and may come again undamaged', () => {
    const log = new Log();
    const sound = payload(1);
    const odd = [new Uint8Array(0), sound.subarray(0, sound.length - 1)];
    for (const bytes of odd) {
      log.receiver.receive(2n, 7n, { term: 5, sequence: 1, payload: bytes }, 5);
      log.receiver.flush(5);
    }
    assert.deepEqual(log.entries, []);
    assert.deepEqual(log.answers.at(-1), { term: 5, sequence: 0, startNonce: 7n });
    log.receiver.receive(2n, 7n, forward(1), 5);
    log.receiver.flush(5);
    assert.deepEqual(log.entries, [1]);
  });

  it('that no member could apply are passed over when they come so again and again', () => {
    const log = new Log();
    const odd = [Uint8Array.of(99, ...payload(1).subarray(1)), Uint8Array.of(...payload(1), 0xee)];
    for (let at = 0; at < LIMITS.forwardTries; at++) {
      assert.ok(log.answers.every(({ sequence }) => sequence === 0));
      log.receiver.receive(2n, 7n, { ...forward(1), payload: odd[at % 2] as Uint8Array }, 5);
      log.receiver.flush(5);
    }
    assert.deepEqual(log.answers.at(-1), { term: 5, sequence: 1, startNonce: 7n });
    // Late copies of it, readable ones too, change nothing.
    log.receiver.receive(2n, 7n, forward(1), 5);
    log.receiver.receive(2n, 7n, forward(2), 5);
    log.receiver.flush(5);
    assert.deepEqual(log.entries, [2]);
    log.takes = false;
    log.receiver.receive(2n, 7n, forward(3), 5);
    log.receiver.flush(5);
    assert.equal(log.answers.at(-1)?.sequence, 2);
  });

  it('are sent again when a whole heartbeat brought no news, and not before', () => {
    const sent: number[] = [];
    const sender = new ForwardSender((_to, body) => sent.push(readForward(body).sequence));
    sender.follow(1n, 5);
    sender.push(payload(1));
    sender.push(payload(2));
    sender.tick();
    assert.deepEqual(sent, [1, 2]);
    assert.equal(sender.taken({ term: 5, sequence: 1, startNonce: 0n }), true);
    sender.tick();
    assert.deepEqual(sent, [1, 2]);
    sender.tick();
    assert.deepEqual(sent, [1, 2, 2]);
    assert.equal(sender.taken({ term: 5, sequence: 1, startNonce: 0n }), false);
    assert.equal(sender.taken({ term: 4, sequence: 2, startNonce: 0n }), false);
    assert.equal(sender.taken({ term: 5, sequence: 3, startNonce: 0n }), false);
    assert.equal(sender.taken({ term: 5, sequence: 2, startNonce: 0n }), true);
    sender.tick();
    sender.tick();
    assert.deepEqual(sent, [1, 2, 2]);
  });

  it('are numbered anew in a new term, and go on in the same one', () => {
    const sent: string[] = [];
    const sender = new ForwardSender((to, body) => {
      const { term, sequence } = readForward(body);
      sent.push(`${to} ${term}.${sequence}`);
    });
    sender.follow(1n, 5);
    sender.push(payload(1));
    sender.follow(0n, 5);
    assert.equal(sender.hasRoom, false);
    sender.follow(1n, 5);
    sender.push(payload(2));
    sender.follow(3n, 6);
    sender.push(payload(3));
    assert.deepEqual(sent, ['1 5.1', '1 5.2', '3 6.1']);
  });

  it('wait when too many are under way', () => {
    const sender = new ForwardSender(() => undefined);
    sender.follow(1n, 5);
    for (let at = 0; at < LIMITS.forwardFrames; at++) sender.push(payload(at));
    assert.equal(sender.hasRoom, false);
    sender.taken({ term: 5, sequence: 1, startNonce: 0n });
    assert.equal(sender.hasRoom, true);
  });
});

describe('writes through a bad network', () => {
  it('are done once each, and none that was acknowledged is lost', async function () {
    this.timeout(60_000);
    const first = testSeed();
    for (let round = 0; round < 6; round++) {
      const seed = first + round;
      try {
        await chaos(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
  });

  it('need no second try from anybody when the leader dies under them', async () => {
    const cluster = await new ClusterLite({ seed: 3 }).startAll();
    const leader = await cluster.elect();
    const [survivor] = cluster.running.filter(({ id }) => id !== leader.id);
    assert.ok(survivor !== undefined);
    const writes: Promise<unknown>[] = [];
    for (let at = 0; at < 40; at++) {
      writes.push(survivor.running.store.put({ key: `k${at}`, value: '' }));
      if (at === 20) cluster.crash(leader.id);
      await cluster.advance(1);
    }
    await cluster.run(Promise.all(writes));
    const { kvs } = await cluster.run(survivor.running.store.range({ key: 'k', rangeEnd: 'l' }));
    assert.equal(kvs.length, 40);
    assert.ok(kvs.every(({ version }) => version === 1));
    await cluster.close();
  });

  it('give up with an unknown outcome when there is no quorum, and not before their time', async () => {
    const cluster = await new ClusterLite({ seed: 4 }).startAll();
    const leader = await cluster.elect();
    cluster.isolate(leader.id);
    const waitMs = LIMITS.requestBaseMs + 2 * ELECTION_MS;
    const startMs = cluster.clock.monotonic();
    assert.equal(
      await cluster.codeOf(leader.running.store.put({ key: 'a', value: '' })),
      'Timeout',
    );
    const tookMs = cluster.clock.monotonic() - startMs;
    assert.ok(tookMs >= waitMs && tookMs <= waitMs + 300, `${tookMs} ms`);
    assert.equal(leader.running.status().pendingProposals, 0);
    await cluster.close();
  });
});

async function chaos(seed: number): Promise<void> {
  const cluster = new ClusterLite({
    seed,
    latencyMs: () => (random.below(10) === 0 ? random.below(3000) : random.below(60)),
  });
  const random = cluster.random.split('chaos');
  await cluster.startAll();
  cluster.loses = () => random.below(10) === 0;
  cluster.copies = () => (random.below(5) === 0 ? 3 : 1);
  const acknowledged: string[] = [];
  const open: Promise<void>[] = [];
  for (let at = 0; at < 150; at++) {
    const target = cluster.running[random.below(cluster.running.length)];
    if (target !== undefined) {
      const key = `k${at}`;
      const put = target.running.store.put({ key, value: '' });
      open.push(
        put.then(
          () => void acknowledged.push(key),
          () => undefined,
        ),
      );
    }
    await cluster.advance(random.below(80));
    if (random.below(40) === 0) await disturb(cluster);
  }
  cluster.loses = () => false;
  cluster.copies = () => 1;
  cluster.heal();
  for (const { id, kernel } of cluster.members.values())
    if (kernel === undefined) await cluster.start(id);
  await cluster.run(Promise.all(open));
  const { kvs } = await cluster.run(cluster.kernel(1n).store.range({ key: 'k', rangeEnd: 'l' }));
  const keys = new Set(kvs.map(({ key }) => new TextDecoder().decode(key)));
  assert.deepEqual(
    kvs.filter(({ version }) => version !== 1),
    [],
  );
  assert.deepEqual(
    acknowledged.filter((key) => !keys.has(key)),
    [],
  );
  assert.ok(acknowledged.length > 60, `only ${acknowledged.length} writes were acknowledged`);
  for (const { failure } of cluster.members.values()) assert.equal(failure, undefined);
  await cluster.close();

  async function disturb(world: ClusterLite): Promise<void> {
    const roll = random.below(3);
    if (roll === 0) world.heal();
    else if (roll === 1) world.isolate(BigInt(1 + random.below(3)));
    const stopped = [...world.members.values()].find(({ kernel }) => kernel === undefined);
    if (stopped !== undefined) await world.start(stopped.id);
    else if (roll === 2) world.crash(world.leader?.id ?? 1n);
  }
}
