// Proves what the pages of locks, semaphores and elections say about cost.
import assert from 'node:assert/strict';
import { itCosts, plain, rest } from './cost.js';

itCosts('lock', {
  '| the same with `delaySeconds` | 2, and a grant for the first one |': {
    'the first': [3, plain(({ a }) => a.coord.lock('x').acquire({ delaySeconds: 5 }))],
    'a later one': [
      2,
      async ({ a }) => {
        await a.coord.lock('other').acquire({ delaySeconds: 5 });
        return () => a.coord.lock('x').acquire({ delaySeconds: 5 });
      },
    ],
  },
  '| release, with or without a delay | 1 |': {
    without: [
      1,
      async ({ a }) => {
        const held = await a.coord.lock('x').acquire();
        return () => held.release();
      },
    ],
    with: [
      1,
      async ({ a }) => {
        const held = await a.coord.lock('x').acquire({ delaySeconds: 5 });
        return () => held.release();
      },
    ],
  },
  '| `break` | 1, and 1 read without `entry` |': {
    'without an entry': [
      2,
      async ({ a, b }) => {
        await b.coord.lock('x').acquire();
        return () => a.coord.lock('x').break({ by: 'ops', reason: 'test' });
      },
    ],
    'of an entry': [
      1,
      async ({ a, b }) => {
        await b.coord.lock('x').acquire();
        const [entry] = await a.coord.lock('x').entries();
        assert.ok(entry !== undefined);
        return () => a.coord.lock('x').break({ by: 'ops', reason: 'test', entry });
      },
    ],
  },
});

itCosts('read-write-lock', {
  '| read or write at once, `tryRead`, `tryWrite` | 1 |': {
    read: [1, plain(({ a }) => a.coord.readWriteLock('x').read())],
    write: [1, plain(({ a }) => a.coord.readWriteLock('x').write())],
    tryRead: [1, plain(({ a }) => a.coord.readWriteLock('x').tryRead())],
    tryWrite: [1, plain(({ a }) => a.coord.readWriteLock('x').tryWrite())],
  },
  '| wait | 1, then 1 for each change just ahead |': {
    'to come': [
      1,
      async ({ world, a, b }) => {
        await b.coord.readWriteLock('x').write();
        return () => rest(world, a.coord.readWriteLock('x').read());
      },
    ],
    'the change': [
      1,
      async ({ world, a, b }) => {
        const held = await b.coord.readWriteLock('x').write();
        await rest(world, a.coord.readWriteLock('x').read());
        return () => held.release();
      },
    ],
  },
  '| `downgrade` | 1 |': {
    downgrade: [
      1,
      async ({ a }) => {
        const writing = await a.coord.readWriteLock('x').write();
        return () => writing.downgrade();
      },
    ],
  },
  '| `tryUpgrade` | 1;': {
    tryUpgrade: [
      1,
      async ({ a }) => {
        const reading = await a.coord.readWriteLock('x').read();
        return () => reading.tryUpgrade();
      },
    ],
  },
  '| release | 1 |': {
    release: [
      1,
      async ({ a }) => {
        const writing = await a.coord.readWriteLock('x').write();
        return () => writing.release();
      },
    ],
  },
});

itCosts('multi-lock', {
  '| all are free, `tryAcquire` | 1 |': {
    acquire: [1, plain(({ a }) => a.coord.locks(['x', 'y']).acquire())],
    tryAcquire: [1, plain(({ a }) => a.coord.locks(['x', 'y']).tryAcquire())],
  },
  '| release | 1 |': {
    release: [
      1,
      async ({ a }) => {
        const held = await a.coord.locks(['x', 'y']).acquire();
        return () => held.release();
      },
    ],
  },
});

itCosts('semaphore', {
  '| acquire free permits | 2: count, grant |': {
    acquire: [
      2,
      async ({ a, b }) => {
        await b.coord.semaphore('x').setLimit(2);
        return () => a.coord.semaphore('x').acquire();
      },
    ],
    tryAcquire: [
      2,
      async ({ a, b }) => {
        await b.coord.semaphore('x').setLimit(2);
        return () => a.coord.semaphore('x').tryAcquire();
      },
    ],
  },
  '| wait | 3 to stand in line: count, entry, look;': {
    'to come': [
      3,
      async ({ world, a, b }) => {
        await b.coord.semaphore('x', { initialLimit: 1 }).acquire();
        return () => rest(world, a.coord.semaphore('x').acquire());
      },
    ],
    'its turn': [
      2,
      async ({ world, a, b }) => {
        const held = await b.coord.semaphore('x', { initialLimit: 1 }).acquire();
        await rest(world, a.coord.semaphore('x').acquire());
        return () => held.release();
      },
    ],
  },
  '| release | 1 |': {
    release: [
      1,
      async ({ a }) => {
        const held = await a.coord.semaphore('x', { initialLimit: 1 }).acquire();
        return () => held.release();
      },
    ],
  },
  '| `setLimit` | 1 read, 1 transaction,': {
    setLimit: [2, plain(({ a }) => a.coord.semaphore('x').setLimit(2))],
  },
});

itCosts('election', {
  '| campaign without rivals | 2 |': {
    campaign: [2, plain(({ a }) => a.coord.election('x').campaign())],
  },
  '| wait | 2: entry, look; then 1 look for each change just ahead, and 1 claim |': {
    'to come': [
      2,
      async ({ world, a, b }) => {
        await b.coord.election('x').campaign();
        return () => rest(world, a.coord.election('x').campaign());
      },
    ],
    'its turn': [
      2,
      async ({ world, a, b }) => {
        const leadership = await b.coord.election('x').campaign();
        await rest(world, a.coord.election('x').campaign());
        return () => leadership.resign();
      },
    ],
  },
  '| proclaim, resign | 1 each |': {
    proclaim: [
      1,
      async ({ a }) => {
        const leadership = await a.coord.election('x').campaign();
        return () => leadership.proclaim('v');
      },
    ],
    resign: [
      1,
      async ({ a }) => {
        const leadership = await a.coord.election('x').campaign();
        return () => leadership.resign();
      },
    ],
  },
  '| transfer | 1 read and 1; 1 read at the target;': {
    'at the leader': [
      2,
      async ({ world, a, b }) => {
        const leadership = await a.coord.election('x').campaign();
        await rest(world, b.coord.election('x').campaign());
        const target = (await b.coord.election('x').candidates()).find(({ leads }) => !leads);
        assert.ok(target !== undefined);
        return () => leadership.transfer(target.id);
      },
    ],
    'at the target': [
      1,
      async ({ world, a, b }) => {
        const leadership = await b.coord.election('x').campaign();
        await rest(world, a.coord.election('x').campaign());
        const target = (await b.coord.election('x').candidates()).find(({ leads }) => !leads);
        assert.ok(target !== undefined);
        return () => leadership.transfer(target.id);
      },
    ],
  },
  '| observe | 1 read, then events under `<name>/`,': {
    'the first look': [
      1,
      async ({ world, a }) =>
        () => {
          a.coord.election('x').leader$.subscribe();
          return world.settle();
        },
    ],
  },
});
