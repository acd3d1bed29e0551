// Proves that a leadership moves in one transaction: never two leaders, and never an absent owner
// key while the candidate lives, whoever dies at whichever call and whichever answer is lost. A
// transaction without the candidate's create revision, one that resigns first, a candidate that is
// not woken and an old leader that stops only afterwards each fail here.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { Leadership } from '../../../src/recipes/election/leadership.js';
import type { TransferResult } from '../../../src/recipes/election/transfer.js';
import { toText } from '../../../src/store/index.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, testSeed, World } from '../../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('a transfer of leadership', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let c: Client;
  let first: Leadership;
  let waitingB: Peeked<Leadership>;
  let waitingC: Peeked<Leadership>;

  const begin = async (): Promise<void> => {
    world = new World();
    [a, b, c] = [world.client('a'), world.client('b'), world.client('c')];
    first = await world.run(a.coord.election('job').campaign());
    waitingB = peek(b.coord.election('job').campaign());
    await world.settle();
    waitingC = peek(c.coord.election('job').campaign());
    await world.settle();
  };
  beforeEach(begin);

  const idOf = async (name: string): Promise<string> => {
    const all = await world.run(a.coord.election('job').candidates());
    return all.find(({ value }) => value === name)?.id ?? assert.fail(`${name} does not stand`);
  };
  /** How often nobody owned the key between the first leader and the last. */
  const gaps = (): number =>
    world.server.kv.history
      .flatMap(({ events }) => events)
      .filter(({ type, kv }) => type === 'delete' && toText(kv.key) === 'job/leader').length;
  const isMine = (leadership: Leadership | undefined): boolean => {
    try {
      leadership?.assertLeader();
      return leadership !== undefined;
    } catch {
      return false;
    }
  };

  it('goes to the candidate of choice, not to the next, and leaves no gap', async () => {
    const moved = await world.run(first.transfer(await idOf('c')));
    const last = await world.run(waitingC.promise);
    assert.deepEqual(moved, { outcome: 'transferred', term: last.term });
    assert.ok(last.term > first.term);
    last.assertLeader();
    assert.equal(waitingB.value, undefined);
    assert.equal(gaps(), 0);
    assert.ok(is('NotOwner')(first.signal.reason));
    await world.run(first.resign());
    last.assertLeader();
    await world.run(last.resign());
    (await world.run(waitingB.promise)).assertLeader();
    assert.equal(world.keys('job/c/').length, 1);
  });

  it('stops the old leader before it asks for the move', async () => {
    const target = await idOf('c');
    const wasOver: boolean[] = [];
    a.store.loseRequest(({ name }) => {
      if (name === 'txn') wasOver.push(first.signal.aborted);
      return false;
    });
    await world.run(first.transfer(target));
    assert.deepEqual(wasOver, [true]);
  });

  it('refuses a candidate that is not there, and leads on', async () => {
    assert.deepEqual(await world.run(first.transfer('abc-def')), { outcome: 'refused' });
    first.assertLeader();
    await assert.rejects(world.run(first.transfer(first.id)), is('InvalidArgument'));
    first.assertLeader();
    await world.run(first.resign());
    await assert.rejects(world.run(first.transfer('abc-def')), is('NotOwner'));
  });

  it('a candidate that dies between the look and the move is refused in the transaction', async () => {
    const target = await idOf('c');
    a.store.loseRequest(({ name }) => {
      if (name !== 'txn') return false;
      const { kvs } = world.server.kv.range({ key: `job/c/${target}` });
      const lease = kvs[0]?.lease ?? 0n;
      if (lease !== 0n) world.server.run(() => world.server.revoke(lease));
      return false;
    });
    assert.deepEqual(await world.run(first.transfer(target)), { outcome: 'ended' });
    (await world.run(waitingB.promise)).assertLeader();
    assert.equal(waitingC.value, undefined);
  });

  it('a candidate that gives up between the look and the move is refused as well', async () => {
    await world.run(first.resign());
    const leader = await world.run(waitingB.promise);
    const giveUp = new AbortController();
    const other = peek(a.coord.election('job').campaign({ signal: giveUp.signal }));
    await world.settle();
    const target = await idOf('a');
    b.store.loseRequest(({ name }) => {
      // Its session lives on, so only the candidate's key tells.
      if (name === 'txn') world.server.kv.delete({ key: `job/c/${target}` });
      return false;
    });
    assert.deepEqual(await world.run(leader.transfer(target)), { outcome: 'ended' });
    (await world.run(waitingC.promise)).assertLeader();
    giveUp.abort();
    await world.settle();
    assert.ok(other.error !== undefined);
  });

  it('a lost answer is recognised by the owner key', async () => {
    a.store.loseResponse(({ name }) => name === 'txn');
    const moved = await world.run(first.transfer(await idOf('c')));
    const last = await world.run(waitingC.promise);
    assert.deepEqual(moved, { outcome: 'transferred', term: last.term });
    assert.equal(gaps(), 0);
  });

  it('a request that arrives long after its answer was lost changes nothing', async () => {
    a.store.delayRequest(({ name }) => name === 'txn', 5000);
    await world.run(first.transfer(await idOf('c')));
    const last = await world.run(waitingC.promise);
    await world.advance(6000);
    last.assertLeader();
    assert.equal(gaps(), 0);
  });

  it('the move reaches a candidate that hears nothing of it, within a poll', async () => {
    c.store.dropNextEvent(() => true);
    await world.run(first.transfer(await idOf('c')));
    await world.advance(TTL_MS + 1000);
    waitingC.value?.assertLeader();
    assert.ok(waitingC.value !== undefined);
  });

  for (const victim of ['leader', 'target'] as const) {
    for (const moment of ['before', 'after'] as const) {
      it(`the ${victim} dies at any call of the leader, ${moment} it takes effect`, async () => {
        let crashes = 0;
        for (let fatal = 1; fatal <= 4; fatal++) {
          await begin();
          const target = await idOf('c');
          const dying = victim === 'leader' ? a : c;
          let count = 0;
          a.store.loseRequest(() => {
            count += 1;
            if (count !== fatal) return false;
            crashes += 1;
            dying.crash();
            return moment === 'before';
          });
          void first.transfer(target).catch(() => undefined);
          for (let step = 0; step < 30; step++) {
            await world.advance(1000);
            const sure = [first, waitingB.value, waitingC.value].filter(isMine);
            assert.ok(sure.length <= 1, `two leaders after call ${fatal}`);
          }
          const leaders = [waitingB.value, waitingC.value].filter(isMine);
          assert.ok(leaders.length === 1 || isMine(first), `nobody leads after call ${fatal}`);
          if (victim === 'target') assert.ok(!isMine(waitingC.value) || dying !== c);
        }
        assert.ok(crashes >= 2, `${crashes} crashes`);
      });
    }
  }

  it('by force: the guard of the old leader fails at once, and it is told to whom it went', async () => {
    const target = await idOf('c');
    a.store.hold();
    const moved = await world.run(b.coord.election('job').transfer(target));
    const last = await world.run(waitingC.promise);
    assert.deepEqual(moved, { outcome: 'transferred', term: last.term });
    const write = b.store.txn({
      compare: [first.guard()],
      success: [{ kind: 'put', key: 'k' }],
    });
    assert.equal((await world.run(write)).succeeded, false);
    const losses: unknown[] = [];
    first.lost$.subscribe((loss) => losses.push(loss));
    a.store.release();
    await world.advance(100);
    assert.deepEqual(losses, [{ kind: 'transferred', to: target }]);
    assert.equal(gaps(), 0);
    await assert.rejects(world.run(first.resign()), is('LockLost'));
    last.assertLeader();
    assert.deepEqual(await world.run(b.coord.election('job').transfer(target)), moved);
    const none = b.coord.election('job').transfer('abc-def');
    assert.deepEqual(await world.run(none), { outcome: 'refused' });
    const nobody = b.coord.election('other').transfer(target);
    assert.deepEqual(await world.run(nobody), { outcome: 'refused' });
  });

  it('by force: a lost answer moves once', async () => {
    const target = await idOf('c');
    b.store.loseResponse(({ name, request }) => name === 'txn' && 'compare' in Object(request));
    const moved = await world.run(b.coord.election('job').transfer(target));
    assert.deepEqual(moved, { outcome: 'transferred', term: waitingC.value?.term });
  });

  it('wakes the candidate and the next in line, however many wait', async () => {
    const crowd = world.client('crowd');
    for (let i = 0; i < 100; i++) void peek(crowd.coord.election('job').campaign());
    await world.settle();
    const target = await idOf('c');
    const before = crowd.store.calls.length + crowd.store.deliveredEventCount;
    await world.run(first.transfer(target));
    await world.advance(100);
    assert.ok(waitingC.value !== undefined);
    assert.equal(crowd.store.calls.length + crowd.store.deliveredEventCount - before, 0);
  });

  it('within a loop: the work hands over, and stands again last in line', async () => {
    const election = c.coord.election('loop');
    const terms: number[] = [];
    const outcomes: TransferResult[] = [];
    const loop = peek(
      election.runWhileLeader(async (term, signal, leadership) => {
        terms.push(term);
        if (terms.length > 1) return 'led twice';
        await new Promise<void>((resolve) => c.clock.timer(1000, resolve));
        const next = (await election.candidates()).find(({ leads }) => !leads);
        outcomes.push(await leadership.transfer(next?.id ?? ''));
        assert.ok(signal.aborted);
        return 'led once';
      }),
    );
    await world.settle();
    const other = peek(b.coord.election('loop').campaign());
    await world.advance(2000);
    assert.deepEqual(outcomes, [{ outcome: 'transferred', term: other.value?.term }]);
    await world.advance(TTL_MS);
    assert.equal(terms.length, 1);
    await world.run(other.value?.resign() ?? Promise.resolve());
    assert.equal(await world.run(loop.promise), 'led twice');
  });
});

describe('transfers at random', function () {
  this.timeout(60_000);

  it('never make two leaders, and leave no gap between two that live', async () => {
    const base = testSeed();
    let moves = 0;
    for (let run = 0; run < 12; run++) {
      const seed = base + run;
      try {
        moves += await runTransfers(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: TIDELOCK_SEED=${seed}`, { cause: error });
      }
    }
    assert.ok(moves > 50, `only ${moves} transfers`);
  });
});

/** Returns the number of transfers that succeeded. */
async function runTransfers(seed: number): Promise<number> {
  const world = new World({ seed, latencyMaxMs: 40, session: { ttlSeconds: 4 } });
  const random = world.random.split('schedule');
  const clients = ['a', 'b', 'c'].map((name) => world.client(name));
  const led: Leadership[] = [];
  const all: Promise<unknown>[] = [];
  let moves = 0;
  const check = (): void => {
    const sure = led.filter((leadership) => {
      try {
        leadership.assertLeader();
        return true;
      } catch {
        return false;
      }
    });
    assert.ok(sure.length <= 1, `two leaders at ${world.clock.monotonic()}`);
    const owner = world.server.kv.range({ key: 'job/leader' }).kvs[0]?.modRevision;
    for (const { term } of sure) assert.equal(owner, term, 'the server denies a leader');
  };
  const work = async (client: Client): Promise<void> => {
    const election = client.coord.election('job');
    const leadership = await election.campaign();
    led.push(leadership);
    check();
    await new Promise<void>((resolve) => client.clock.timer(random.below(800), resolve));
    const others = (await election.candidates()).filter(({ leads }) => !leads);
    const target = others[random.below(others.length + 1)];
    if (target === undefined) return await leadership.resign();
    const { outcome } = await leadership.transfer(target.id);
    if (outcome === 'transferred') moves += 1;
    if (outcome === 'refused') await leadership.resign();
    check();
  };
  for (let step = 0; step < 100; step++) {
    const client = clients[random.below(clients.length)] as Client;
    const what = random.below(14);
    if (what === 0) client.store.partition(random.below(2) === 0 ? 'fail' : 'hang');
    else if (what < 4) client.store.heal();
    else if (what === 4) client.store.loseResponse(() => true);
    else if (what === 5) client.store.loseRequest(() => true);
    else if (what === 6) client.store.delayRequest(() => true, random.below(3000));
    else if (what === 7) client.store.dropNextEvent(() => true);
    else if (what === 8) client.block();
    else if (what === 9) client.unblock();
    else if (all.length < 50) all.push(work(client).catch(acceptable));
    await world.advance(random.below(500));
    check();
  }
  for (const client of clients) {
    client.unblock();
    client.store.heal();
  }
  await world.run(Promise.all(all), 300_000);
  await world.close();
  await world.advance(12_000);
  assert.deepEqual(world.keys(), []);
  assert.equal(world.clock.timerCount, 0);
  return moves;
}

function acceptable(error: unknown): void {
  if (!isCoordinationError(error)) throw error;
}
