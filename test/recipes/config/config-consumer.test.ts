// Proves that a value counts as handled only when its handler has succeeded: a failure is tried
// again with growing pauses and the newest value, also when nothing changes any more, and the
// status says so.
// The bug that is looked for: confd moves its place on before it renders, so what failed is not
// tried again until the next change.
import assert from 'node:assert/strict';
import { z } from 'zod';
import type { ApplyStatus } from '../../../src/recipes/config/config-consumer.js';
import { type Client, World } from '../../support/world.js';

const Settings = z.object({ n: z.number() });

describe('Config.apply', () => {
  let world: World;
  let a: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    set(1);
  });

  const set = (n: number): void => {
    world.server.run(() => world.server.kv.put({ key: 'app/n', value: `${n}` }));
  };
  const open = async () => {
    const config = a.coord.config('app/', Settings);
    await world.run(config.ready());
    return config;
  };

  it('gives each value once to a handler that succeeds, and never two at a time', async () => {
    const config = await open();
    const handled: number[] = [];
    let running = 0;
    const consumer = config.apply(async ({ n }) => {
      running += 1;
      assert.equal(running, 1);
      await new Promise<void>((resolve) => world.clock.timer(100, resolve));
      handled.push(n);
      running -= 1;
    });
    await world.advance(150);
    for (let n = 2; n <= 9; n++) set(n);
    await world.advance(10);
    assert.deepEqual(consumer.status, { kind: 'applying', revision: 10, failures: 0 });
    assert.equal(consumer.revision, 2);
    await world.advance(1000);
    // Those between are left out: the handler was told of the newest when it was free.
    assert.deepEqual(handled, [1, 9]);
    assert.deepEqual(consumer.status, { kind: 'applied', revision: 10 });
  });

  it('a handler that fails is called again with the same value, though nothing changes', async () => {
    const config = await open();
    const calls: (readonly [number, number])[] = [];
    const statuses: ApplyStatus[] = [];
    const consumer = config.apply(
      ({ n }, { failures }) => {
        calls.push([n, failures]);
        if (failures < 3) throw new Error('disk full');
      },
      { retryMs: 100, retryMaxMs: 250 },
    );
    consumer.status$.subscribe((status) => statuses.push(status));
    await world.advance(10);
    assert.equal(consumer.revision, 0);
    await world.advance(1000);
    assert.deepEqual(calls, [
      [1, 0],
      [1, 1],
      [1, 2],
      [1, 3],
    ]);
    assert.equal(consumer.revision, 2);
    const pauses = statuses.flatMap((status) => (status.kind === 'retrying' ? [status] : []));
    assert.deepEqual(
      pauses.map(({ failures }) => failures),
      [1, 2, 3],
    );
    assert.ok(
      pauses.every(({ nextMs, failures }) => nextMs <= 100 * 2 ** failures && nextMs <= 250),
    );
    assert.match(String(pauses[0]?.error), /disk full/);
  });

  it('a newer value is tried at once, and ends the pause for the older one', async () => {
    const config = await open();
    const calls: number[] = [];
    const consumer = config.apply(
      ({ n }) => {
        calls.push(n);
        if (n === 1) throw new Error('no');
      },
      { retryMs: 60_000, retryMaxMs: 60_000 },
    );
    await world.advance(1000);
    set(2);
    await world.settle();
    assert.deepEqual(calls, [1, 2]);
    assert.equal(consumer.status.kind, 'applied');
    await world.advance(100_000);
    assert.deepEqual(calls, [1, 2]);
  });

  it('a failure that began before a newer value came does not count for it', async () => {
    const config = await open();
    const calls: (readonly [number, number])[] = [];
    config.apply(async ({ n }, { failures }) => {
      calls.push([n, failures]);
      await new Promise<void>((resolve) => world.clock.timer(100, resolve));
      if (n === 1) throw new Error('no');
    });
    await world.advance(50);
    set(2);
    await world.advance(1000);
    assert.deepEqual(calls, [
      [1, 0],
      [2, 0],
    ]);
  });

  it('what is refused is not given to the handler, and subscribers are not its business', async () => {
    const config = await open();
    const calls: number[] = [];
    const seen: number[] = [];
    config.value$.subscribe(({ n }) => seen.push(n));
    config.apply(({ n }) => {
      calls.push(n);
      throw new Error('never');
    });
    world.server.run(() => world.server.kv.put({ key: 'app/n', value: 'x' }));
    await world.settle();
    set(3);
    await world.settle();
    assert.deepEqual(seen, [1, 3]);
    assert.deepEqual([...new Set(calls)], [1, 3]);
  });

  it('closing tells the handler, waits for it, and leaves nothing behind', async () => {
    const config = await open();
    let isAborted = false;
    let isDone = false;
    const consumer = config.apply(async (_, { signal }) => {
      signal.addEventListener('abort', () => (isAborted = true));
      await new Promise<void>((resolve) => world.clock.timer(100, resolve));
      isDone = true;
    });
    await world.advance(10);
    const closing = consumer.close();
    assert.ok(isAborted);
    await world.run(closing);
    assert.ok(isDone);
    assert.equal(consumer.status.kind, 'closed');
    set(2);
    await world.advance(10);
    const failing = config.apply(() => Promise.reject(new Error('never')));
    await world.advance(10);
    await config.close();
    await world.settle();
    assert.equal(failing.status.kind, 'closed');
    assert.equal(world.clock.timerCount, 0);
  });
});
