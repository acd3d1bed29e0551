// Proves that a session calls itself lost before the server could end its lease, whatever fails:
// lost calls, partitions, a blocked event loop, clocks that jump, sleep, or run at other rates.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { Session } from '../../../src/recipes/base/session.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const MARGIN_MS = 1000;

describe('Session', () => {
  let world: World;
  let client: Client;
  let session: Session;

  /** Whether the server still has the lease. */
  const leased = (): boolean => world.server.leaseIds.includes(session.lease);

  const kind = (): string => session.state.kind;

  beforeEach(async () => {
    world = new World();
    client = world.client('a');
    session = await world.run(Session.open(client.store, { ttlSeconds: TTL_MS / 1000 }));
  });

  it('stays alive over many TTLs, with a keep-alive every third of one', async () => {
    await world.advance(TTL_MS * 10);
    assert.deepEqual(session.state, { kind: 'alive' });
    assert.ok(leased());
    const beats = client.store.callCount('lease-keep-alive');
    assert.ok(beats >= 29 && beats <= 31, `${beats} keep-alives`);
  });

  it('is lost in a partition, before the server ends the lease, and says why', async () => {
    await world.advance(3000);
    client.store.partition('hang');
    await world.advance(TTL_MS - MARGIN_MS - 3001);
    assert.equal(kind(), 'suspect');
    assert.equal(session.signal.aborted, false);
    await world.advance(1);
    assert.deepEqual(session.state, { kind: 'lost', loss: { kind: 'expired' } });
    assert.ok(session.signal.aborted && leased());
    assert.ok(isCoordinationError(session.signal.reason, 'SessionLost'));
    await world.advance(MARGIN_MS * 2);
    assert.ok(!leased());
  });

  it('counts the deadline from the sending of a keep-alive, however late the answer', async () => {
    for (const lateMs of [0, 2000, 5000]) {
      const late = world.client(`late-${lateMs}`);
      const own = await world.run(Session.open(late.store, { ttlSeconds: TTL_MS / 1000 }));
      const openedMs = world.clock.monotonic();
      // The keep-alive reaches the server at once, its answer takes long, and no other gets
      // through.
      late.store.hold();
      await world.advance(TTL_MS / 3 + 1);
      late.store.partition('hang');
      await world.advance(lateMs);
      late.store.release();
      let heldAtLoss: boolean | undefined;
      let lostMs = 0;
      own.signal.addEventListener('abort', () => {
        heldAtLoss = world.server.leaseIds.includes(own.lease);
        lostMs = world.clock.monotonic() - openedMs;
      });
      await world.advance(TTL_MS * 3);
      assert.equal(heldAtLoss, true, `answer ${lateMs} ms late, lost after ${lostMs} ms`);
      assert.ok(Math.abs(lostMs - (TTL_MS / 3 + TTL_MS - MARGIN_MS)) < 1, `${lostMs}`);
    }
  });

  it('survives failed and unanswered keep-alives as long as one gets through', async () => {
    client.store.loseRequest((call) => call.name === 'lease-keep-alive');
    client.store.loseResponse((call) => call.name === 'lease-keep-alive');
    await world.advance(3400);
    assert.equal(kind(), 'suspect');
    await world.advance(3400);
    assert.equal(kind(), 'alive');
    client.store.partition('fail');
    await world.advance(5000);
    client.store.heal();
    await world.advance(TTL_MS * 2);
    assert.equal(kind(), 'alive');
  });

  it('is lost at once when the server does not know the lease', async () => {
    world.server.run(() => world.server.revoke(session.lease));
    await world.advance(3400);
    assert.deepEqual(session.state, { kind: 'lost', loss: { kind: 'revoked' } });
  });

  for (const order of ['timers-first', 'network-first'] as const) {
    it(`notices a blocked event loop before it answers anything (${order})`, async () => {
      await world.advance(3300);
      client.block();
      await world.advance(TTL_MS * 2);
      assert.ok(!leased());
      assert.throws(
        () => session.assertAlive(),
        (error) => isCoordinationError(error, 'SessionLost'),
      );
      const after = session.state;
      assert.equal(after.kind === 'lost' && after.loss.kind, 'stalled');
      client.unblock(order);
      await world.advance(100);
      assert.equal(kind(), 'lost');
    });
  }

  it('does not come back when an acknowledgement arrives after the deadline', async () => {
    client.store.hold();
    await world.advance(3400);
    client.clock.hold();
    // Past the deadline of the grant, and before the one that the answer would have given.
    await world.advance(6600);
    client.store.release();
    // The answer has its say first; nobody has asked for the state meanwhile.
    await world.settle();
    assert.equal(kind(), 'lost');
    client.clock.release();
    await world.advance(100);
    assert.equal(kind(), 'lost');
    assert.ok(session.signal.aborted);
  });

  it('does not come back when an acknowledgement arrives after the loss', async () => {
    client.store.hold();
    await world.advance(9500);
    assert.equal(kind(), 'lost');
    client.store.release();
    await world.settle();
    assert.equal(kind(), 'lost');
    assert.equal(session.expiresIn(), 0);
  });

  it('asks the server after the wall clock jumped ahead, and gives no assurance meanwhile', async () => {
    client.store.hold();
    client.clock.jumpWall(60_000);
    assert.throws(
      () => session.assertAlive(),
      (error) => isCoordinationError(error, 'Unavailable'),
    );
    assert.deepEqual(session.state, { kind: 'suspect', reason: 'clock-jump' });
    assert.equal(session.signal.aborted, false);
    client.store.release();
    await world.run(session.confirmed());
    session.assertAlive();
  });

  it('does not care when the wall clock jumps back, or ahead by less than the margin', async () => {
    client.clock.jumpWall(-3_600_000);
    session.assertAlive();
    client.clock.jumpWall(MARGIN_MS - 1);
    session.assertAlive();
    await world.advance(TTL_MS * 2);
    assert.equal(kind(), 'alive');
  });

  it('finds out after a suspend, during which monotonic time stood still', async () => {
    await world.advance(1000);
    client.clock.sleep();
    client.store.hold();
    await world.advance(TTL_MS * 3);
    assert.ok(!leased());
    client.clock.wake();
    // Not lost by the monotonic clock, but no assurance either.
    assert.throws(
      () => session.assertAlive(),
      (error) => isCoordinationError(error, 'Unavailable'),
    );
    client.store.release();
    await assert.rejects(world.run(session.confirmed()), (error) => {
      return isCoordinationError(error, 'SessionLost');
    });
    const loss = { kind: 'clock-jump', jumpMs: TTL_MS * 3 };
    assert.deepEqual(session.state, { kind: 'lost', loss });
  });

  it('asks once more on demand, and says nothing when it gets no answer', async () => {
    client.store.loseResponse((call) => call.name === 'lease-time-to-live');
    await world.run(session.verify());
    await world.run(session.verify());
    assert.equal(kind(), 'alive');
    world.server.run(() => world.server.revoke(session.lease));
    await world.run(session.verify());
    assert.deepEqual(session.state, { kind: 'lost', loss: { kind: 'revoked' } });
  });

  it('can be left: it renews no more, and its lease runs out by itself', async () => {
    session.leave();
    assert.deepEqual(session.state, { kind: 'lost', loss: { kind: 'closed' } });
    await world.run(session.close());
    assert.ok(leased());
    await world.advance(TTL_MS);
    assert.ok(!leased());
  });

  it('has no more than six keep-alives under way, however long nobody answers', async () => {
    const often = world.client('often');
    const options = { ttlSeconds: 60, keepAliveMs: 2000 };
    const own = await world.run(Session.open(often.store, options));
    let waiting = 0;
    let most = 0;
    const { leases } = often.store;
    const keepAlive = leases.keepAlive.bind(leases);
    leases.keepAlive = (id, call) => {
      waiting += 1;
      most = Math.max(most, waiting);
      return keepAlive(id, call).finally(() => {
        waiting -= 1;
      });
    };
    often.store.partition('hang');
    await world.advance(50_000);
    assert.equal(own.state.kind, 'suspect');
    assert.ok(most >= 6 && most <= 7, `${most} at once`);
    often.store.heal();
    await world.advance(3000);
    assert.equal(own.state.kind, 'alive');
    assert.equal(waiting, 0);
    await world.run(own.close());
  });

  it('renews as often as it is told', async () => {
    const often = world.client('often');
    const options = { ttlSeconds: TTL_MS / 1000, keepAliveMs: 1000 };
    const own = await world.run(Session.open(often.store, options));
    await world.advance(TTL_MS);
    const beats = often.store.callCount('lease-keep-alive');
    assert.ok(beats >= 9 && beats <= 10, `${beats} keep-alives`);
    await world.run(own.close());
  });

  it('an acknowledgement that was under way during the jump does not settle it', async () => {
    await world.advance(3300);
    client.store.hold();
    await world.advance(100);
    client.clock.jumpWall(60_000);
    assert.ok(session.doubtful);
    client.store.partition('hang');
    client.store.release();
    await world.settle();
    assert.ok(session.doubtful);
  });

  // The server grants two seconds at least, as etcd does: what it grants is what the margin is of.
  for (const ttlSeconds of [TTL_MS / 1000, 1]) {
    it(`a clock slower within the margin is lost first, of ${ttlSeconds} s asked for`, async () => {
      const slow = world.client('slow', 0.92);
      const own = await world.run(Session.open(slow.store, { ttlSeconds }));
      let heldAtLoss: boolean | undefined;
      own.signal.addEventListener('abort', () => {
        heldAtLoss = world.server.leaseIds.includes(own.lease);
      });
      slow.store.partition('hang');
      await world.advance(TTL_MS * 2);
      assert.equal(heldAtLoss, true);
    });
  }

  it('closing stops renewing, then revokes, and never throws', async () => {
    await world.run(session.close());
    assert.ok(!leased());
    assert.deepEqual(session.state, { kind: 'lost', loss: { kind: 'closed' } });
    const calls = client.store.calls.length;
    await world.advance(TTL_MS * 3);
    assert.equal(client.store.calls.length, calls);
    assert.equal(world.clock.timerCount, 0);

    const cut = world.client('cut');
    const other = await world.run(Session.open(cut.store, { ttlSeconds: TTL_MS / 1000 }));
    cut.store.partition('hang');
    await world.run(other.close());
    await world.advance(TTL_MS * 2);
    assert.ok(!world.server.leaseIds.includes(other.lease));
  });

  it('takes a wall clock that gains on the other one for no jump, without a margin either', async () => {
    const slow = world.client('slow', 0.98);
    const terms = { ttlSeconds: TTL_MS / 1000, marginMs: 0 };
    const session = await world.run(Session.open(slow.store, terms));
    await world.advance(TTL_MS * 6);
    assert.equal(session.state.kind, 'alive');
    // A beat each third of the TTL, and a doubt with one of its own after 50 ms gained: 2.5 s.
    const beats = slow.store.callCount('lease-keep-alive');
    assert.ok(beats >= 18 && beats <= 18 + 24, `${beats} keep-alives`);
  });

  it('refuses a TTL or a margin that makes no sense', async () => {
    const bad = [
      { ttlSeconds: 0 },
      { ttlSeconds: 1.5 },
      { ttlSeconds: 10, marginMs: 6000 },
      { keepAliveMs: 9000 },
    ];
    for (const options of bad) {
      await assert.rejects(Session.open(client.store, options), (error) => {
        return isCoordinationError(error, 'InvalidArgument');
      });
    }
  });
});
