// Proves that a write whose first request arrives late, after it was sent again and the recipe has
// gone on to other things, leaves everything as it would be without it: each write of each script
// is held up once, and what is left in the end is compared with an undisturbed run.
import assert from 'node:assert/strict';
import { toText } from '../../src/store/index.js';
import { type Client, World } from '../support/world.js';

const LATE_MS = 4000;
const TTL_MS = 10_000;
/** More than any script writes. */
const WRITES_MAX = 40;

type Script = (a: Client, b: Client, world: World) => Promise<unknown>;

/** Runs what is done while late requests may still come, one step a second. */
async function slowly(world: World, steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const step of steps) {
    await world.run(step());
    await world.advance(1000);
  }
}

const SCRIPTS: Readonly<Record<string, Script>> = {
  'a lock with a delay': async (a, b, world) => {
    const lock = a.coord.lock('x');
    for (let round = 0; round < 2; round++) {
      const held = await world.run(lock.acquire({ delaySeconds: 5 }));
      await world.advance(500);
      await world.run(held.release());
      const tried = await world.run(b.coord.lock('x').tryAcquire());
      if (tried.ok) await world.run(tried.held.release());
    }
  },
  'several locks': async (a, b, world) => {
    const other = await world.run(b.coord.lock('x/1').acquire());
    const locks = a.coord.locks(['x/1', 'x/2']);
    assert.equal((await world.run(locks.tryAcquire())).ok, false);
    await world.run(other.release());
    const held = await world.run(locks.acquire());
    await slowly(world, [() => held.release()]);
    const again = await world.run(locks.tryAcquire({}));
    if (again.ok) await slowly(world, [() => again.held.release()]);
  },
  'a leadership that moves': async (a, b, world) => {
    const first = await world.run(a.coord.election('x').campaign({ value: 'a' }));
    const waiting = b.coord.election('x').campaign({ value: 'b' });
    await world.advance(2000);
    const candidates = await world.run(a.coord.election('x').candidates());
    const next = candidates.find(({ leads }) => !leads);
    await slowly(world, [() => first.transfer(next?.id ?? '')]);
    const second = await world.run(waiting);
    await slowly(world, [() => second.proclaim('c'), () => second.resign()]);
  },
  'a sequence': (a, b, world) =>
    slowly(world, [
      () => a.coord.sequence('x', { blockSize: 1 }).next(),
      () => b.coord.sequence('x', { blockSize: 1 }).next(),
      () => a.coord.sequence('x', { blockSize: 1 }).next(),
    ]),
  'an election': async (a, _b, world) => {
    for (let round = 0; round < 2; round++) {
      const leadership = await world.run(a.coord.election('x').campaign({ value: 'first' }));
      await slowly(world, [
        () => leadership.proclaim('second'),
        () => leadership.proclaim('third'),
        () => leadership.resign(),
      ]);
    }
    await world.run(a.coord.election('x').campaign({ value: 'stays' }));
  },
  'the limit of a semaphore': (a, b, world) =>
    slowly(world, [
      () => a.coord.semaphore('x').setLimit(3),
      () => b.coord.semaphore('x').setLimit(7),
      () => a.coord.semaphore('x').setLimit(5),
    ]),
  'a latch': (a, b, world) =>
    slowly(world, [
      () => a.coord.latch('x', { initialCount: 2 }).countDown('one'),
      () => b.coord.latch('x').countDown('two'),
      () => a.coord.latch('x').nextRound(),
      () => a.coord.latch('x').setCount(3),
      () => a.coord.latch('x').countDown('three'),
    ]),
  'a counter': (a, b, world) =>
    slowly(world, [
      () => a.coord.counter('x').add(1),
      () => b.coord.counter('x').add(10),
      () => a.coord.counter('x').add(100),
    ]),
  'a barrier': (a, b, world) =>
    slowly(world, [
      () => a.coord.barrier('x').close(),
      () => b.coord.barrier('x').open(),
      () => b.coord.barrier('x').close(),
      () => a.coord.barrier('x').open(),
    ]),
  'a member': async (a, _b, world) => {
    const me = await world.run(a.coord.members('x').join({ id: 'm', metadata: { load: 0 } }));
    await slowly(world, [() => me.update({ load: 1 }), () => me.update({ load: 2 })]);
    await slowly(world, [() => me.leave()]);
  },
  'dead letters': async (a, _b, world) => {
    const queue = a.coord.queue<string>('x', { maxAttempts: 1 });
    const refuse = async (): Promise<void> => (await queue.receive()).nack();
    await slowly(world, [
      () => queue.send('y', { id: 'y' }),
      refuse,
      () => queue.deadLetters().requeue('y'),
      refuse,
      () => queue.deadLetters().requeue('y'),
      refuse,
    ]);
  },
  'a reboot group': async (a, b, world) => {
    const group = a.coord.reboots('x');
    const wish = { node: 'n', bootId: 'one' };
    await slowly(world, [
      () => group.setPolicy({ max: 2, soakSeconds: 1, grantTimeoutSeconds: 300 }),
      () => group.acquire(wish),
      () => group.rebooting({ node: 'n' }),
      () => group.steady({ node: 'n', bootId: 'two' }),
      () => group.hold({ id: 'h' }),
      () => group.unhold({ id: 'h' }),
      () => group.setMax(1),
      () => b.coord.reboots('x').setMax(4),
      () => group.force({ node: 'n' }),
      () => group.release({ node: 'n' }),
    ]);
  },
};

/** What is left: names of keys without what is by chance, and values without times. */
function left(world: World): string[] {
  const { kvs } = world.server.kv.range({ key: 'x', rangeEnd: 'y' });
  const reboot = world.server.kv.range({ key: 'reboot/', rangeEnd: 'reboot0' }).kvs;
  return [...kvs, ...reboot]
    .map((kv) => `${toText(kv.key)} ${toText(kv.value)}`)
    .filter((text) => !/@queue\/answered\//.test(text))
    .map((text) =>
      text
        .replaceAll(/[0-9a-f]{8,}-[0-9a-f]{8,}/g, '<id>')
        .replaceAll(/"(nonce|sinceMs|phaseSinceMs|atMs)":("[^"]*"|\d+)/g, '"$1":0')
        .replaceAll(/\["[0-9a-f]+",/g, '["<id>",'),
    );
}

/** @returns what is left, and whether there was a write to hold up. */
async function play(script: Script, nth: number): Promise<{ left: string[]; isHeldUp: boolean }> {
  const world = new World();
  const [a, b] = [world.client('a'), world.client('b')];
  await world.run(a.coord.lock('warm/a').acquire());
  await world.run(b.coord.lock('warm/b').acquire());
  let seen = 0;
  if (nth >= 0) {
    for (const { store } of [a, b]) {
      store.delayRequest(({ name, request }) => {
        const isWrite = /"kind":"(put|delete)"/.test(JSON.stringify(request, plain));
        return name === 'txn' && isWrite && seen++ === nth;
      }, LATE_MS);
    }
  }
  await script(a, b, world);
  await world.advance(LATE_MS + TTL_MS * 3);
  const rest = left(world);
  await world.close();
  return { left: rest, isHeldUp: seen > nth };
}

function plain(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}

describe('a write that was held up and sent again', () => {
  for (const [name, script] of Object.entries(SCRIPTS)) {
    it(`leaves nothing else than without it: ${name}`, async () => {
      const { left: expected } = await play(script, -1);
      let nth = 0;
      for (; nth < WRITES_MAX; nth++) {
        const played = await play(script, nth);
        assert.deepEqual(played.left, expected, `write ${nth}`);
        if (!played.isHeldUp) break;
      }
      assert.ok(nth > 2 && nth < WRITES_MAX, `${nth} writes`);
    });
  }
});
