// Proves what the pages of groups, counters, transactions, views and configurations say about
// cost.
import { filter, firstValueFrom } from 'rxjs';
import { z } from 'zod';
import { itCosts, plain } from './cost.js';

itCosts('membership', {
  '| join, update, leave | 1 each |': {
    join: [1, plain(({ a }) => a.coord.members('x').join())],
    update: [
      1,
      async ({ a }) => {
        const me = await a.coord.members('x').join();
        return () => me.update({ load: 1 });
      },
    ],
    leave: [
      1,
      async ({ a }) => {
        const me = await a.coord.members('x').join();
        return () => me.leave();
      },
    ],
  },
  '| replace | 3: found, removed, created |': {
    replace: [
      3,
      async ({ a, b }) => {
        await b.coord.members('x').join({ id: 'w' });
        return () => a.coord.members('x').join({ id: 'w', onConflict: 'replace' });
      },
    ],
  },
  '| observe | 1 read, then events under the prefix,': {
    'the first look': [
      1,
      async ({ world, a }) =>
        () => {
          a.coord.members('x').members$.subscribe();
          return world.settle();
        },
    ],
  },
});

itCosts('counter', {
  '| add, the handle knows the last state | 1 transaction |': {
    add: [
      1,
      async ({ a }) => {
        const counter = a.coord.counter('x');
        await counter.add(1);
        return () => counter.add(1);
      },
    ],
  },
  '| add, first of a handle | 1 read and 1 transaction |': {
    add: [2, plain(({ a }) => a.coord.counter('x').add(1))],
  },
  '| read, get | 1 read |': { read: [1, plain(({ a }) => a.coord.counter('x').read())] },
});

itCosts('sequence', {
  '| next, at the end of the block | 1 read and 1 transaction,': {
    'the first': [2, plain(({ a }) => a.coord.sequence('x').next())],
  },
  '| next, out of the block | none |': {
    'a later one': [
      0,
      async ({ a }) => {
        const sequence = a.coord.sequence('x');
        await sequence.next();
        return () => sequence.next();
      },
    ],
  },
});

itCosts('stm', {
  '| read of a key or a range | 1 each; a key is read once |': {
    'reading alone': [
      2,
      plain(({ a }) =>
        a.coord.stm(async (tx) => {
          await tx.getText('k');
          await tx.getText('k');
          await tx.getText('l');
        }),
      ),
    ],
  },
  '| commit | 1 transaction, with one write more than the function makes |': {
    commit: [1, plain(({ a }) => a.coord.stm(async (tx) => tx.put('k', 'v')))],
  },
});

itCosts('cache', {
  '| begin | 1 read for each 500 keys, then 1 watch, whoever reads |': {
    begin: [1, plain(({ a }) => a.coord.cache('x').ready())],
  },
  '| read | none;': {
    read: [
      0,
      async ({ a }) => {
        const cache = a.coord.cache('x');
        await cache.ready();
        return async () => cache.getText('x/a');
      },
    ],
  },
});

itCosts('combine', {
  '| begin | 1 read and 1 watch for each prefix, then 1 transaction that reads all |': {
    'of two': [
      3,
      async ({ world, a }) =>
        () => {
          const views = [a.coord.election('e').leader$, a.coord.members('m').members$] as const;
          a.coord.combineAt(views).subscribe();
          return world.settle();
        },
    ],
  },
  '| a change to any of the prefixes | its event, and 1 transaction that reads all of them |': {
    'a change': [
      1,
      async ({ world, a, b }) => {
        const views = [a.coord.election('e').leader$, a.coord.members('m').members$] as const;
        a.coord.combineAt(views).subscribe();
        await world.settle();
        return () => b.coord.members('m').join();
      },
    ],
  },
});

itCosts('config', {
  '| follow | one range read of up to 500 pairs at a time, one watch;': {
    follow: [1, plain(({ a }) => a.coord.config('x', z.object({})).ready())],
  },
  '| a report | 1 put at each change;': {
    'a report': [
      1,
      async ({ world, a, b }) => {
        const config = a.coord.config('x', z.object({}), { reportAs: 'a' });
        await config.ready();
        await world.settle();
        return () => b.store.put({ key: 'x/k', value: 'v' });
      },
    ],
  },
  '| `guard()` | none;': {
    guard: [
      0,
      async ({ a }) => {
        const config = a.coord.config('x', z.object({}));
        await config.ready();
        return async () => config.guard();
      },
    ],
  },
});

itCosts('config-layers', {
  'One range read and one watch for each prefix; after each change one transaction that reads all':
    {
      begin: [
        3,
        plain(({ a }) =>
          a.coord
            .layeredConfig(
              [
                { name: 'shared', prefix: 'x/' },
                { name: 'own', prefix: 'y/' },
              ],
              z.object({}),
            )
            .ready(),
        ),
      ],
      'a change': [
        1,
        async ({ a, b }) => {
          const config = a.coord.layeredConfig(
            [
              { name: 'shared', prefix: 'x/' },
              { name: 'own', prefix: 'y/' },
            ],
            z.object({}),
          );
          await config.ready();
          return () => b.store.put({ key: 'x/k', value: 'v' });
        },
      ],
    },
});

itCosts('config-rollout', {
  '| a turn | 4 (look, look again, begin, end), besides acquire and release of the gate |': {
    'with a lock for a gate': [
      4 + 2,
      async ({ a, b }) => {
        await b.store.put({ key: 'x/k', value: '1' });
        const config = a.coord.config('x', z.object({}));
        const rollout = config.applyWith(a.coord.lock('gate'), { apply: () => undefined });
        const applied = (after: number): Promise<unknown> =>
          firstValueFrom(rollout.state$.pipe(filter(() => rollout.revision > after)));
        await applied(0);
        return async () => {
          const { header } = await b.store.put({ key: 'x/k', value: '2' });
          await applied(header.revision - 1);
        };
      },
    ],
  },
});
