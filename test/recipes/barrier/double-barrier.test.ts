// Proves that nobody passes a double barrier before enough are there and that nobody has left
// before all have, whoever dies when. The named bugs: the last one to come dies before it can open
// and the others hang (etcd's DoubleBarrier), a key of one use mistaken in the next, and leaving by
// recursion until the stack overflows (etcd#14603).
import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import type { BarrierMember } from '../../../src/recipes/barrier/barrier-member.js';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);
const waits = (asked: Peeked<unknown>): boolean => asked.value === undefined;

describe('DoubleBarrier', () => {
  let world: World;
  let clients: Client[];

  beforeEach(() => {
    world = new World();
    clients = ['a', 'b', 'c', 'd'].map((name) => world.client(name));
  });

  const client = (place: number): Client => clients[place] as Client;
  const enter = async (place: number, members = 3): Promise<Peeked<BarrierMember>> => {
    const gate = client(place).coord.doubleBarrier('gate', { members });
    const entering = peek(gate.enter());
    await world.settle();
    return entering;
  };
  const leave = async (entered: Peeked<BarrierMember>): Promise<Peeked<void>> => {
    assert.ok(entered.value !== undefined);
    const leaving = peek(entered.value.leave().then(() => undefined));
    await world.settle();
    return leaving;
  };
  const done = async (leaving: Peeked<void>): Promise<boolean> => {
    let isDone = false;
    void leaving.promise.then(() => {
      isDone = true;
    });
    await world.settle();
    return isDone;
  };

  it('lets a generation in together and out together, and then the next', async () => {
    for (let generation = 1; generation <= 3; generation++) {
      const first = await enter(0);
      const second = await enter(1);
      await world.advance(100);
      assert.ok(waits(first) && waits(second));
      const third = await enter(2);
      for (const one of [first, second, third]) assert.equal(one.value?.generation, generation);
      const [outFirst, outSecond] = [await leave(first), await leave(second)];
      assert.ok(!(await done(outFirst)) && !(await done(outSecond)));
      const outThird = await leave(third);
      for (const one of [outFirst, outSecond, outThird]) assert.ok(await done(one));
    }
    assert.deepEqual(world.keys('gate/'), ['gate/@rendezvous/generation']);
  });

  it('those who come while others are inside gather for the next generation', async () => {
    const inside = [await enter(0, 2), await enter(1, 2)];
    const next = await enter(2, 2);
    const one = inside[0]?.value;
    assert.ok(one !== undefined && waits(next));
    const last = await enter(3, 2);
    assert.deepEqual([next.value?.generation, last.value?.generation], [2, 2]);
    one.assertHeld();
    const out = await leave(inside[0] as Peeked<BarrierMember>);
    assert.ok(!(await done(out)), 'the other of the first generation is still inside');
    await leave(inside[1] as Peeked<BarrierMember>);
    assert.ok(await done(out));
  });

  it('opens though the one that completed it died before it could', async () => {
    for (const moment of ['before', 'after'] as const) {
      const own = new World();
      clients = ['a', 'b', 'c', 'd'].map((name) => own.client(name));
      world = own;
      const first = await enter(0);
      const second = await enter(1);
      const last = client(2);
      let entered = false;
      last.store.loseRequest((call) => {
        if (call.name !== 'txn') return false;
        if (!entered) {
          entered = moment === 'before';
          if (moment === 'after') {
            last.crash();
            return false;
          }
          return false;
        }
        last.crash();
        return true;
      });
      void enter(2);
      // Far less than any poll: somebody has to be watching.
      await world.advance(500);
      assert.ok(!waits(first) && !waits(second), `${moment} the look that follows its entry`);
    }
  });

  it('a member that dies while others gather is not counted once its lease is gone', async () => {
    const first = await enter(0);
    await enter(1);
    client(1).crash();
    await world.advance(TTL_MS * 2);
    await enter(2);
    assert.ok(waits(first));
    await enter(3);
    assert.ok(!waits(first));
  });

  it('a member that dies inside holds nobody back', async () => {
    const all = [await enter(0), await enter(1), await enter(2)];
    const out = await leave(all[1] as Peeked<BarrierMember>);
    client(0).crash();
    const other = await leave(all[2] as Peeked<BarrierMember>);
    assert.ok(!(await done(out)));
    await world.advance(TTL_MS * 2);
    assert.ok((await done(out)) && (await done(other)));
  });

  it('gives up in time, and leaves nobody counted who is not there', async () => {
    const gate = client(0).coord.doubleBarrier('gate', { members: 2 });
    const late = peek(gate.enter({ timeoutMs: 500 }));
    await world.advance(501);
    assert.ok(is('Timeout')(late.error));
    const signal = AbortSignal.abort();
    await assert.rejects(world.run(gate.enter({ signal })), is('Aborted'));
    const next = await enter(1, 2);
    assert.ok(waits(next), 'the one that gave up still counts');
    const both = await enter(2, 2);
    assert.ok(next.value !== undefined && both.value !== undefined);
    const leaving = peek(next.value.leave({ timeoutMs: 500 }));
    await world.advance(600);
    assert.ok(is('Timeout')(leaving.error));
    assert.ok(await done(await leave(both)), 'the one that gave up leaving has left');
  });

  it('a lost session is told: SessionLost while waiting, a signal inside', async () => {
    const waiting = await enter(0);
    client(0).store.partition('hang');
    await world.advance(TTL_MS - 500);
    assert.ok(is('SessionLost')(waiting.error));
    client(0).store.heal();
    await world.advance(TTL_MS);
    const all = [await enter(1), await enter(2), await enter(3)];
    const cut = all[0]?.value;
    assert.ok(cut !== undefined);
    client(1).store.partition('hang');
    await world.advance(TTL_MS - 500);
    assert.ok(cut.signal.aborted);
    client(1).store.heal();
    const leaving = peek(cut.leave());
    await leave(all[1] as Peeked<BarrierMember>);
    await leave(all[2] as Peeked<BarrierMember>);
    await world.advance(TTL_MS * 2);
    assert.ok(is('LockLost')(leaving.error), String(leaving.error));
  });

  it('lost answers and lost events change nothing', async () => {
    for (const one of clients) one.store.loseResponse((call) => call.name === 'txn');
    const first = await enter(0);
    await world.advance(100);
    const second = await enter(1);
    await world.advance(100);
    client(0).store.dropNextEvent(() => true);
    client(1).store.dropNextEvent(() => true);
    const third = await enter(2);
    await world.advance(TTL_MS * 2);
    assert.ok(!waits(first) && !waits(second) && !waits(third));
    for (const one of [first, second, third]) assert.equal(one.value?.generation, 1);
  });

  it('a newcomer wakes one member, however many wait, and leaving needs no stack', async () => {
    const size = 300;
    world = new World({ session: { ttlSeconds: 600 } });
    const one = world.client('crowd');
    const gate = one.coord.doubleBarrier('gate', { members: size });
    const entering = Array.from({ length: size - 2 }, () => peek(gate.enter()));
    await world.settle();
    const [events, calls] = [one.store.deliveredEventCount, one.store.calls.length];
    entering.push(peek(gate.enter()));
    await world.settle();
    const cost = [one.store.deliveredEventCount - events, one.store.calls.length - calls];
    assert.ok((cost[0] ?? 9) <= 1 && (cost[1] ?? 9) <= 4, `${cost.join(' events, ')} calls`);
    entering.push(peek(gate.enter()));
    await world.settle();
    assert.ok(!entering.some(waits));
    const leaving = entering.map(async ({ value }) => value?.leave());
    await world.run(Promise.all(leaving));
    assert.deepEqual(world.keys('gate/'), ['gate/@rendezvous/generation']);
    await world.close();
    assert.equal(one.store.watchCount, 0);
  }).timeout(20_000);

  it('shows who is there and why somebody waits', async () => {
    const gate = client(0).coord.doubleBarrier('gate', { members: 2 });
    const seen: string[] = [];
    const following = gate.plan$.subscribe(({ state, reason }) => seen.push(`${state}: ${reason}`));
    await world.settle();
    const mine = peek(gate.enter());
    await world.settle();
    const other = await enter(1, 2);
    const status = await world.run(firstValueFrom(gate.status$));
    assert.deepEqual([status.gathering.generation, status.gathering.members.length], [2, 0]);
    assert.deepEqual(
      status.inside[0]?.members.map(({ identity }) => identity),
      ['a', 'b'],
    );
    assert.equal(seen[0], 'waiting: 0 of 2 are there');
    assert.match(seen[1] ?? '', /^waiting: 1 of 2 are there: a since [0-9:]{8}Z$/);
    assert.equal(seen.at(-1), 'held: inside with generation 1, 1 others with it');
    const leaving = await leave(mine);
    await enter(2, 2);
    assert.match(seen.at(-1) ?? '', /^waiting: b since [0-9:]{8}Z did not leave yet$/);
    await world.run(Promise.resolve(other.value?.leave()));
    assert.ok(await done(leaving));
    assert.match(seen.at(-1) ?? '', /^free: 1 of 2 are there, and one more comes$/);
    following.unsubscribe();
  });

  for (const tries of [1, 2]) {
    it(`does not count who has given up, however late it comes, tries: ${tries}`, async () => {
      const gate = client(0).coord.doubleBarrier('gate', { members: 2 });
      await world.run(client(0).coord.lock('warm').acquire());
      client(0).store.delayRequest(({ name }) => name === 'txn', 3000);
      const giveUp = new AbortController();
      const given = peek(gate.enter({ signal: giveUp.signal }));
      await world.advance(tries === 1 ? 0 : 1000);
      giveUp.abort();
      await world.settle();
      assert.ok(is('Aborted')(given.error));
      const alone = await enter(1, 2);
      await world.advance(5000);
      assert.deepEqual([waits(alone), world.keys('gate/@rendezvous/member/').length], [true, 1]);
      const second = await enter(2, 2);
      assert.deepEqual([alone.value?.generation, second.value?.generation], [1, 1]);
    });
  }

  it('opens whatever number of a generation another program has written', async () => {
    const { store } = client(0);
    // It would open the gate without end, and in no time.
    store.loseRequest(() => {
      assert.ok(store.calls.length < 200, `${store.calls.length} calls`);
      return false;
    });
    // The last two have no successor that a number can hold.
    for (const generation of [-5, 0.5, Number.MAX_SAFE_INTEGER, 1e17]) {
      const key = 'gate/@rendezvous/generation';
      const value = JSON.stringify({ generation });
      world.server.run(() => world.server.kv.put({ key, value }));
      const inside = await enter(0, 1);
      assert.ok(inside.value !== undefined, `generation ${generation}`);
      await leave(inside);
    }
  });

  it('refuses a number of members that makes no sense', () => {
    for (const members of [0, -1, 1.5]) {
      assert.throws(() => client(0).coord.doubleBarrier('g', { members }), is('InvalidArgument'));
    }
  });
});
