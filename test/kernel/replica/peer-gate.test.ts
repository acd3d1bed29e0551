// Proves whose frames a member listens to: of its own cluster, meant for it, from members that were
// not removed, that have the directory which the cluster knows, and that run once; and that who is
// turned away is told why.
import assert from 'node:assert/strict';
import type { Refusal } from '../../../src/kernel/codec/peer-body.js';
import type { Frame, FrameKind } from '../../../src/kernel/codec/peer-frame.js';
import { PeerGate } from '../../../src/kernel/replica/peer-gate.js';

const HEARTBEAT_MS = 100;
const ELECTION_MS = 1000;

class World {
  readonly refusals: string[] = [];
  readonly challenges: { readonly to: bigint; readonly start: bigint; readonly token: bigint }[] =
    [];
  readonly removed = new Set<bigint>();
  readonly nonces = new Map<bigint, bigint>();
  nowMs = 0;
  readonly gate = new PeerGate({
    identity: { clusterId: 10n, memberId: 1n, directoryNonce: 100n },
    peers: {
      isRemoved: (id) => this.removed.has(id),
      directoryNonceOf: (id) => this.nonces.get(id) ?? 0n,
    },
    heartbeatMs: HEARTBEAT_MS,
    electionMs: ELECTION_MS,
    refuse: (to: bigint, start: bigint, reason: Refusal) =>
      this.refusals.push(`${to}/${start} ${reason}`),
    challenge: (to, start, token) => this.challenges.push({ to, start, token }),
    warn: () => undefined,
  });

  frame(
    rest: {
      from?: bigint;
      to?: bigint;
      cluster?: bigint;
      directory?: bigint;
      start?: bigint;
      kind?: FrameKind;
    } = {},
  ): boolean {
    const frame: Frame = {
      kind: rest.kind ?? 'raft',
      origin: {
        clusterId: rest.cluster ?? 10n,
        memberId: rest.from ?? 2n,
        directoryNonce: rest.directory ?? 200n,
        startNonce: rest.start ?? 20n,
      },
      to: rest.to ?? 1n,
      body: new Uint8Array(0),
    };
    return this.gate.admits(frame, this.nowMs);
  }
}

describe('the gate for frames of other members', () => {
  it('lets members of the cluster in, known or new, and remembers when they were heard', () => {
    const world = new World();
    world.nowMs = 5;
    assert.equal(world.frame(), true);
    assert.equal(world.frame({ from: 9n, start: 3n }), true);
    assert.equal(world.gate.heardAtMs(2n), 5);
    assert.equal(world.gate.heardAtMs(3n), undefined);
    assert.deepEqual(world.refusals, []);
  });

  it('turns away what is not meant for it, says nothing to that, and nothing to itself', () => {
    const world = new World();
    assert.equal(world.frame({ to: 3n }), false);
    assert.equal(world.frame({ from: 1n }), false);
    assert.equal(world.frame({ from: 0n }), false);
    assert.deepEqual(world.refusals, []);
    assert.equal(world.gate.heardAtMs(2n), undefined);
  });

  it('refuses another cluster, and does not count it as heard of ours', () => {
    const world = new World();
    assert.equal(world.frame({ cluster: 11n }), false);
    assert.deepEqual(world.refusals, ['2/20 wrong-cluster']);
    assert.equal(world.gate.heardAtMs(2n), undefined);
    assert.equal(world.frame({ directory: 222n, start: 22n }), true);
  });

  it('refuses a removed member, once each heartbeat', () => {
    const world = new World();
    world.removed.add(2n);
    for (world.nowMs = 0; world.nowMs < 250; world.nowMs += 10) {
      assert.equal(world.frame(), false);
    }
    assert.deepEqual(world.refusals, Array(3).fill('2/20 removed'));
  });

  it('refuses a member with another directory than the cluster knows', () => {
    const world = new World();
    world.nonces.set(2n, 200n);
    assert.equal(world.frame(), true);
    world.nowMs += 2 * ELECTION_MS;
    assert.equal(world.frame({ directory: 201n, start: 21n }), false);
    assert.deepEqual(world.refusals, ['2/21 amnesia']);
    assert.equal(world.frame({ start: 22n }), true);
  });

  it('does not let a member with a wrong directory stand in the way of the right one', () => {
    const world = new World();
    world.nonces.set(2n, 200n);
    assert.equal(world.frame({ directory: 201n, start: 21n }), false);
    assert.equal(world.gate.heardAtMs(2n), undefined);
    assert.equal(world.frame({ start: 20n }), true);
    assert.deepEqual(world.challenges, []);
  });

  it('forgets who was heard first when there are too many', () => {
    const world = new World();
    for (let id = 2n; id < 2000n; id++) assert.equal(world.frame({ from: id }), true);
    assert.equal(world.gate.heardAtMs(2n), undefined);
    assert.equal(world.gate.heardAtMs(1999n), 0);
  });

  it('refuses another directory before the first was published, too', () => {
    const world = new World();
    assert.equal(world.frame(), true);
    world.nowMs += 2 * ELECTION_MS;
    assert.equal(world.frame({ directory: 201n, start: 21n }), false);
    assert.deepEqual(world.refusals, ['2/21 amnesia']);
  });

  it('does not answer a refusal with a refusal', () => {
    const world = new World();
    assert.equal(world.frame({ cluster: 11n, kind: 'refused' }), false);
    assert.deepEqual(world.refusals, []);
  });

  it('lets a member in that was started again, at once when it had been silent', () => {
    const world = new World();
    assert.equal(world.frame(), true);
    world.nowMs += ELECTION_MS;
    assert.equal(world.frame({ start: 21n }), true);
    assert.deepEqual(world.challenges, []);
  });

  it('lets a member in that was started again quickly, when the first start stays silent', () => {
    const world = new World();
    assert.equal(world.frame(), true);
    world.nowMs = 50;
    assert.equal(world.frame({ start: 21n }), false);
    world.nowMs = 200;
    assert.equal(world.frame({ start: 21n }), false);
    world.nowMs = 349;
    assert.equal(world.frame({ start: 21n }), false);
    assert.ok(world.challenges.length >= 2);
    assert.ok(world.challenges.every(({ start }) => start === 20n));
    world.nowMs = 350;
    assert.equal(world.frame({ start: 21n }), true);
    assert.deepEqual(world.refusals, []);
  });

  it('refuses a second process while the first shows that it lives', () => {
    const world = new World();
    assert.equal(world.frame(), true);
    world.nowMs = 50;
    assert.equal(world.frame({ start: 21n }), false);
    const [challenge] = world.challenges;
    assert.ok(challenge !== undefined);
    world.gate.alive(2n, 21n, challenge.token);
    world.gate.alive(2n, 20n, challenge.token + 1n);
    assert.deepEqual(world.refusals, []);
    world.gate.alive(2n, 20n, challenge.token);
    assert.deepEqual(world.refusals, ['2/21 duplicate']);
    world.nowMs = 5000;
    assert.equal(world.frame({ start: 21n }), false);
    assert.deepEqual(world.refusals, ['2/21 duplicate', '2/21 duplicate']);
    assert.equal(world.frame(), true);
  });

  it('does not take a late frame of a dead start for a second process', () => {
    const world = new World();
    assert.equal(world.frame({ start: 20n }), true);
    world.nowMs = ELECTION_MS;
    assert.equal(world.frame({ start: 21n }), true);
    world.nowMs += 10;
    assert.equal(world.frame({ start: 20n }), false);
    const [challenge] = world.challenges;
    assert.ok(challenge !== undefined && challenge.start === 21n);
    world.gate.alive(2n, 21n, challenge.token);
    assert.equal(world.frame({ start: 21n }), true);
  });
});
