// Proves what the pages of barriers, latches and queues say about cost.
import assert from 'node:assert/strict';
import type { Client, World } from '../../support/world.js';
import { itCosts, plain, rest } from './cost.js';

const gone = { timeoutMs: 60_000 } as const;

/** The one who came first is the oldest. */
async function enterBoth(world: World, first: Client, second: Client) {
  const entering = first.coord.doubleBarrier('x', { members: 2 }).enter();
  await rest(world, entering);
  const inside = await second.coord.doubleBarrier('x', { members: 2 }).enter();
  return [await entering, inside] as const;
}

itCosts('barrier', {
  '| `hold` | 1 |': { hold: [1, plain(({ a }) => a.coord.barrier('x').hold())] },
  '| `close` | 2:': { close: [2, plain(({ a }) => a.coord.barrier('x').close())] },
  '| `open` | 1 of a holder, else 1 read and 1 |': {
    'of a holder': [
      1,
      async ({ a }) => {
        const closed = await a.coord.barrier('x').hold();
        assert.ok(closed.ok);
        return () => closed.held.open();
      },
    ],
    'of others': [
      2,
      async ({ a, b }) => {
        await b.coord.barrier('x').close();
        return () => a.coord.barrier('x').open();
      },
    ],
  },
  '| wait at an open one | 1 read |': {
    wait: [1, plain(({ a }) => a.coord.barrier('x').wait())],
  },
  '| wait at a closed one | 1 read, 1 for each opening,': {
    'to come': [
      1,
      async ({ world, a, b }) => {
        await b.coord.barrier('x').close();
        return () => rest(world, a.coord.barrier('x').wait());
      },
    ],
    'the opening': [
      1,
      async ({ world, a, b }) => {
        await b.coord.barrier('x').close();
        await rest(world, a.coord.barrier('x').wait());
        return () => b.coord.barrier('x').open();
      },
    ],
  },
});

itCosts('double-barrier', {
  '| enter | 1 read, 1 to write the own key, 1 look; 1 to open;': {
    'one that waits': [
      3,
      async ({ world, a }) =>
        () =>
          rest(world, a.coord.doubleBarrier('x', { members: 2 }).enter()),
    ],
    'one that completes it': [
      5,
      async ({ world, a, b }) => {
        await rest(world, b.coord.doubleBarrier('x', { members: 2 }).enter());
        return () => a.coord.doubleBarrier('x', { members: 2 }).enter();
      },
    ],
  },
  '| leave | 3: look, delete the own key, look;': {
    'one that waits for the oldest': [
      3,
      async ({ world, a, b }) => {
        const [, inside] = await enterBoth(world, b, a);
        return () => rest(world, inside.leave(gone));
      },
    ],
    'the oldest': [
      1,
      async ({ world, a, b }) => {
        const [inside] = await enterBoth(world, a, b);
        return () => rest(world, inside.leave(gone));
      },
    ],
  },
});

itCosts('latch', {
  '| count down | 1 read, 1 to count, 1 look; the last one 2 more to open |': {
    'one of two': [
      3,
      async ({ a, b }) => {
        await b.coord.latch('x').setCount(2);
        return () => a.coord.latch('x').countDown('one');
      },
    ],
    'the last': [
      5,
      async ({ a, b }) => {
        await b.coord.latch('x').setCount(2);
        await b.coord.latch('x').countDown('one');
        return () => a.coord.latch('x').countDown('two');
      },
    ],
  },
  '| wait | 1 read, 1 when the state changes,': {
    'to come': [
      1,
      async ({ world, a, b }) => {
        await b.coord.latch('x').setCount(1);
        return () => rest(world, a.coord.latch('x').wait(gone));
      },
    ],
    'the opening': [
      1,
      async ({ world, a, b }) => {
        await b.coord.latch('x').setCount(1);
        await rest(world, a.coord.latch('x').wait(gone));
        return () => b.coord.latch('x').countDown('one');
      },
    ],
  },
  '| next round | 1 read, 1 that also deletes what was counted |': {
    nextRound: [
      2,
      async ({ a, b }) => {
        await b.coord.latch('x').setCount(1);
        await b.coord.latch('x').countDown('one');
        return () => a.coord.latch('x').nextRound();
      },
    ],
  },
});

itCosts('queue', {
  '| send | 1; with a delay 1 read, 1 lease, 1;': {
    'at once': [1, plain(({ a }) => a.coord.queue('x').send('work'))],
    'with a delay': [3, plain(({ a }) => a.coord.queue('x').send('work', { delayMs: 5000 }))],
  },
  '| receive what is ready | 2: look, claim;': {
    receive: [
      2,
      async ({ a, b }) => {
        await b.coord.queue('x').send('work');
        return () => a.coord.queue('x').receive();
      },
    ],
  },
  '| wait for a message | 3 to stand in line: look, entry, look;': {
    'to come': [
      3,
      async ({ world, a }) =>
        () =>
          rest(world, a.coord.queue('x').receive()),
    ],
    'its message': [
      2,
      async ({ world, a, b }) => {
        await rest(world, a.coord.queue('x').receive());
        return () => b.coord.queue('x').send('work');
      },
    ],
  },
  '| ack, nack | 1; a nack with a delay also 1 lease |': {
    ack: [
      1,
      async ({ a, b }) => {
        await b.coord.queue('x').send('work');
        const message = await a.coord.queue('x').receive();
        return () => message.ack();
      },
    ],
    nack: [
      1,
      async ({ a, b }) => {
        await b.coord.queue('x').send('work');
        const message = await a.coord.queue('x').receive();
        return () => message.nack();
      },
    ],
    'nack with a delay': [
      2,
      async ({ a, b }) => {
        await b.coord.queue('x').send('work');
        const message = await a.coord.queue('x').receive();
        return () => message.nack({ delayMs: 5000 });
      },
    ],
  },
});
