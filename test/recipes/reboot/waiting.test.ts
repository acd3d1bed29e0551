// Proves that the rules are judged when the slot is taken, however long the wait was: a window that
// closes while a machine waits (locksmith's bug), a hold or a pause that comes meanwhile, a grant
// that arrives late; that time alone opens a window; that one who is held back does not hold up
// others; and that a change wakes a handful of machines however many wait.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { RebootGroup, RebootHolder } from '../../../src/recipes/index.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const HOUR_MS = 3_600_000;
const writes = (call: ModelCall, text: string): boolean =>
  call.name === 'txn' && inspect(call.request, { depth: 9 }).includes(text);

describe('waiting for a reboot slot', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let groupA: RebootGroup;
  let groupB: RebootGroup;

  beforeEach(() => {
    // The world begins at midnight UTC.
    world = new World({ session: { ttlSeconds: 60 } });
    a = world.client('a');
    b = world.client('b');
    groupA = a.coord.reboots('workers');
    groupB = b.coord.reboots('workers');
  });

  const ask = (group: RebootGroup, node: string, zone?: string): Peeked<RebootHolder> =>
    peek(group.acquire({ node, ...(zone === undefined ? {} : { zone }) }));

  it('does not go when the window closed while it waited', async () => {
    await world.run(groupA.setPolicy({ windows: [window('00:00', 60)] }));
    await world.run(groupA.acquire({ node: 'n1' }));
    const waiting = ask(groupB, 'n2');
    await world.advance(2 * HOUR_MS);
    await world.run(groupA.release({ node: 'n1' }));
    await world.advance(20 * HOUR_MS);
    assert.equal(waiting.value, undefined, 'reboots outside of the window');
    await world.advance(2 * HOUR_MS + 2000);
    assert.ok(waiting.value !== undefined, 'misses the next window');
    assert.equal(new Date(world.clock.wall()).getUTCHours(), 0);
  });

  it('wakes when the window opens, by time alone', async () => {
    await world.run(groupA.setPolicy({ max: 100, windows: [window('03:00', 60)] }));
    const groups = Array.from({ length: 6 }, (_, at) =>
      world.client(`c${at}`).coord.reboots('workers'),
    );
    // So that no unasked look falls on the opening.
    await world.advance(17_000);
    const waiting = groups.map((group, at) => ask(group, `n${at}`));
    await world.advance(3 * HOUR_MS - 17_001);
    assert.ok(waiting.every(({ value }) => value === undefined));
    await world.advance(2000);
    assert.ok(waiting.every(({ value }) => value !== undefined));
  });

  it('is granted nothing by an answer that is late for the window', async () => {
    await world.run(groupA.setPolicy({ windows: [window('00:00', 60)] }));
    await world.advance(HOUR_MS - 10_000);
    b.store.delayRequest((call) => {
      if (!writes(call, '/slot/n2')) return false;
      b.store.partition('fail');
      return true;
    }, 11_000);
    const waiting = ask(groupB, 'n2');
    await world.advance(60_000);
    assert.deepEqual(world.keys('reboot/workers/slot/'), [], 'a grant arrived after the window');
    b.store.heal();
    await world.advance(HOUR_MS);
    assert.equal(waiting.value, undefined);
  });

  it('is not begun when the window is about to close', async () => {
    await world.run(groupA.setPolicy({ windows: [window('00:00', 60)] }));
    await world.advance(HOUR_MS - 3000);
    const tried = await world.run(groupB.tryAcquire({ node: 'n2' }));
    assert.ok(!tried.ok);
    assert.deepEqual(
      [tried.rule, tried.retryAtMs],
      ['outside_window', startOf(world) + 24 * HOUR_MS],
    );
  });

  it('goes into a window that follows at once', async () => {
    await world.run(groupA.setPolicy({ windows: [window('00:00', 60), window('01:00', 60)] }));
    await world.advance(HOUR_MS - 3000);
    assert.ok((await world.run(groupB.tryAcquire({ node: 'n2' }))).ok);
  });

  it('obeys a hold that came while it waited, and goes when that ends by itself', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const waiting = ask(groupB, 'n2');
    await world.advance(1000);
    await world.run(groupA.hold({ forSeconds: 600, reason: 'change freeze' }));
    await world.run(groupA.release({ node: 'n1' }));
    await world.advance(590_000);
    assert.equal(waiting.value, undefined);
    await world.advance(11_000);
    assert.ok(waiting.value !== undefined);
  });

  it('obeys a hold that comes between the look and the grant', async () => {
    let done = false;
    const key = 'reboot/workers/hold/h';
    b.store.loseRequest((call) => {
      if (done || !writes(call, '/slot/n2')) return false;
      done = true;
      world.server.run(() => ({ kv: world.server.kv.put({ key, value: '{"scope":"group"}' }) }));
      return false;
    });
    const tried = await world.run(groupB.tryAcquire({ node: 'n2' }));
    assert.deepEqual([tried.ok, !tried.ok && tried.rule], [false, 'group_held']);
  });

  it('obeys a pause, and goes when it is over', async () => {
    await world.run(groupA.pause({ by: 'ann', reason: 'Christmas' }));
    const waiting = ask(groupB, 'n2');
    await world.advance(HOUR_MS);
    assert.equal(waiting.value, undefined);
    await world.run(groupA.resume());
    await world.run(waiting.promise);
    await world.run(groupA.release({ node: 'n2' }));
    await world.run(groupA.pause({ forSeconds: 60 }));
    const next = ask(groupB, 'n3');
    await world.advance(59_000);
    assert.equal(next.value, undefined);
    await world.advance(2500);
    assert.ok(next.value !== undefined);
  });

  it('lets others by when it is held back itself, and has its place again afterwards', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const second = ask(groupB, 'n2');
    await world.settle();
    const third = ask(groupA, 'n3');
    await world.settle();
    const fourth = ask(groupB, 'n4');
    await world.settle();
    await world.run(groupA.hold({ node: 'n2' }));
    await world.run(groupA.release({ node: 'n1' }));
    await world.advance(100);
    assert.ok(third.value !== undefined, 'a node that is held back blocks the line');
    assert.equal(fourth.value, undefined);
    await world.run(groupA.unhold({ node: 'n2' }));
    await world.run(groupA.release({ node: 'n3' }));
    await world.advance(100);
    assert.ok(second.value !== undefined, 'has lost its place');
    assert.equal(fourth.value, undefined);
  });

  it('never has two of one zone away, and lets other zones by', async () => {
    const order = { by: 'zone', rule: 'one-per-zone' } as const;
    await world.run(groupA.setPolicy({ max: 2, order }));
    await world.run(groupA.acquire({ node: 'n1', zone: 'east' }));
    const east = ask(groupB, 'n2', 'east');
    await world.settle();
    const eastToo = ask(groupA, 'n3', 'east');
    await world.settle();
    const west = ask(groupB, 'n4', 'west');
    await world.advance(100);
    assert.ok(west.value !== undefined, 'one busy zone blocks another');
    assert.equal(east.value, undefined);
    const plan = await world.run(groupA.plan('n2'));
    assert.equal(plan.rule, 'zone_busy');
    assert.match(plan.reason, /n1 of zone "east" has a slot since /);
    await world.run(groupA.release({ node: 'n1' }));
    await world.advance(100);
    assert.ok(east.value !== undefined);
    assert.equal(eastToo.value, undefined);
  });

  it('never has two zones away at once', async () => {
    const order = { by: 'zone', rule: 'one-zone-at-a-time' } as const;
    await world.run(groupA.setPolicy({ max: 3, order }));
    await world.run(groupA.acquire({ node: 'n1', zone: 'east' }));
    const west = ask(groupB, 'n2', 'west');
    await world.settle();
    const east = ask(groupB, 'n3', 'east');
    await world.advance(100);
    assert.ok(east.value !== undefined);
    assert.equal(west.value, undefined);
    await world.run(groupA.release({ node: 'n1' }));
    await world.advance(100);
    assert.equal(west.value, undefined);
    await world.run(groupA.release({ node: 'n3' }));
    await world.advance(100);
    assert.ok(west.value !== undefined);
  });

  it('knows the zone of a node that said it before', async () => {
    const order = { by: 'zone', rule: 'one-per-zone' } as const;
    await world.run(groupA.setPolicy({ max: 2, order }));
    await world.run(groupA.tryAcquire({ node: 'n2', zone: 'east', pollTtlSeconds: 5 }));
    await world.run(groupA.release({ node: 'n2' }));
    await world.run(groupA.acquire({ node: 'n1', zone: 'east' }));
    const tried = await world.run(groupB.tryAcquire({ node: 'n2' }));
    assert.deepEqual([tried.ok, !tried.ok && tried.rule], [false, 'zone_busy']);
  });

  it('follows a percentage as nodes come and are forgotten', async () => {
    await world.run(groupA.setPolicy({ max: '50%' }));
    for (const node of ['n1', 'n2', 'n3'])
      await world.run(groupA.tryAcquire({ node, pollTtlSeconds: 60 }));
    assert.deepEqual(await shown(), '1/1 of 3');
    const fourth = ask(groupB, 'n4');
    await world.advance(100_000);
    // Waiting made it known, and half of four is two.
    assert.ok(fourth.value !== undefined);
    assert.deepEqual(await shown(), '2/2 of 4');
    assert.equal(await world.run(groupA.forget({ node: 'n2' })), true);
    assert.equal(await world.run(groupA.forget({ node: 'n2' })), false);
    const { draining } = await world.run(groupA.status());
    assert.deepEqual([await shown(), draining], ['2/1 of 3', true]);
  });

  it('goes on when history is compacted below its watch, and when watches break', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const head = ask(groupB, 'n2');
    await world.settle();
    const second = ask(groupA, 'n3');
    await world.settle();
    for (const store of [a.store, b.store]) store.partition('hang');
    const key = 'reboot/workers/slot/n1';
    world.server.run(() => ({ gone: world.server.kv.delete({ key }) }));
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
    for (const store of [a.store, b.store]) {
      store.breakWatches();
      store.heal();
    }
    await world.advance(3000);
    assert.ok(head.value !== undefined);
    await world.run(groupA.release({ node: 'n2' }));
    await world.advance(3000);
    assert.ok(second.value !== undefined);
  });

  it('judges the windows anew when a clock on a wall was set, within a TTL', async () => {
    await world.run(groupA.setPolicy({ windows: [window('03:00', 60)] }));
    const waiting = ask(groupB, 'n2');
    await world.advance(1000);
    b.clock.jumpWall(3 * HOUR_MS);
    await world.advance(61_000);
    assert.ok(waiting.value !== undefined);
  });

  it('wakes a handful when a slot is freed, however many wait', async () => {
    await world.run(groupA.acquire({ node: 'first' }));
    const clients = Array.from({ length: 10 }, (_, at) => world.client(`c${at}`));
    const waiting: Peeked<RebootHolder>[] = [];
    for (let at = 0; at < 200; at++) {
      const client = clients[at % clients.length] as Client;
      waiting.push(ask(client.coord.reboots('workers'), `n${at}`));
      await world.settle();
    }
    const count = (what: (client: Client) => number): number =>
      clients.reduce((sum, client) => sum + what(client), 0);
    const txns = count(({ store }) => store.callCount('txn'));
    const events = count(({ store }) => store.deliveredEventCount);
    await world.run(groupA.release({ node: 'first' }));
    for (let at = 0; at < 20; at++) {
      await world.settle();
      assert.ok(waiting[at]?.value !== undefined, `n${at} does not go`);
      assert.equal(waiting[at + 1]?.value, undefined);
      await world.run(groupA.release({ node: `n${at}` }));
    }
    const perHandOver = {
      txns: (count(({ store }) => store.callCount('txn')) - txns) / 21,
      events: (count(({ store }) => store.deliveredEventCount) - events) / 21,
    };
    assert.ok(perHandOver.txns <= 4, JSON.stringify(perHandOver));
    assert.ok(perHandOver.events <= 16, JSON.stringify(perHandOver));
  });

  async function shown(): Promise<string> {
    const { taken, max, nodes } = await world.run(groupA.status());
    return `${taken}/${max} of ${nodes.length}`;
  }
});

function window(start: string, lengthMinutes: number) {
  return { days: [], start, lengthMinutes, timeZone: 'UTC' } as const;
}

/** The midnight before. */
function startOf(world: World): number {
  return Math.floor(world.clock.wall() / (24 * HOUR_MS)) * 24 * HOUR_MS;
}
