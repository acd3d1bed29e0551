// Proves what the page of reboot groups says about cost.
import { parseWindow } from '../../../src/recipes/index.js';
import { itCosts, plain, rest } from './cost.js';

itCosts('reboot', {
  '| acquire a free slot | 2: one reads, one takes it; 1 more with a grant timeout, 1 more with windows; no session |':
    {
      plainly: [2, plain(({ a }) => a.coord.reboots('x').acquire({ node: 'n' }))],
      'with a grant timeout': [
        3,
        async ({ a, b }) => {
          await b.coord.reboots('x').setPolicy({ grantTimeoutSeconds: 60 });
          return () => a.coord.reboots('x').acquire({ node: 'n' });
        },
      ],
      'with windows': [
        3,
        async ({ a, b }) => {
          await b.coord.reboots('x').setPolicy({ windows: [parseWindow('00:00 1d')] });
          return () => a.coord.reboots('x').acquire({ node: 'n' });
        },
      ],
    },
  '| wait | 3: look, wish, look; then 1 for each change just ahead, the grant,': {
    'to come': [
      3,
      async ({ world, a, b }) => {
        await b.coord.reboots('x').acquire({ node: 'm' });
        return () => rest(world, a.coord.reboots('x').acquire({ node: 'n' }));
      },
    ],
    'its turn': [
      3,
      async ({ world, a, b }) => {
        await b.coord.reboots('x').acquire({ node: 'm' });
        await rest(world, a.coord.reboots('x').acquire({ node: 'n' }));
        return () => b.coord.reboots('x').release({ node: 'm' });
      },
    ],
  },
  '| rebooting, steady | 2, and 1 for each time that begins (reboot, soak, cooldown) |': {
    rebooting: [
      2,
      async ({ a }) => {
        await a.coord.reboots('x').acquire({ node: 'n' });
        return () => a.coord.reboots('x').rebooting({ node: 'n' });
      },
    ],
    'rebooting with its time': [
      3,
      async ({ a, b }) => {
        await b.coord.reboots('x').setPolicy({ rebootTimeoutSeconds: 60 });
        await a.coord.reboots('x').acquire({ node: 'n' });
        return () => a.coord.reboots('x').rebooting({ node: 'n' });
      },
    ],
    steady: [
      2,
      async ({ a }) => {
        await a.coord.reboots('x').acquire({ node: 'n' });
        return () => a.coord.reboots('x').steady({ node: 'n' });
      },
    ],
    'steady with soak and cooldown': [
      4,
      async ({ a, b }) => {
        await b.coord.reboots('x').setPolicy({ soakSeconds: 60, cooldownSeconds: 60 });
        await a.coord.reboots('x').acquire({ node: 'n' });
        return () => a.coord.reboots('x').steady({ node: 'n' });
      },
    ],
  },
  '| release, hold, policy and other administration | 2, and 1 where a time begins |': {
    release: [
      2,
      async ({ a }) => {
        await a.coord.reboots('x').acquire({ node: 'n' });
        return () => a.coord.reboots('x').release({ node: 'n' });
      },
    ],
    hold: [2, plain(({ a }) => a.coord.reboots('x').hold({ node: 'n' }))],
    'hold for a time': [3, plain(({ a }) => a.coord.reboots('x').hold({ forSeconds: 60 }))],
    policy: [2, plain(({ a }) => a.coord.reboots('x').setMax(2))],
    force: [2, plain(({ a }) => a.coord.reboots('x').force({ node: 'n' }))],
  },
  '| tryAcquire that is refused | 1; with a trace 1 more, the first time 2 more |': {
    'without a trace': [
      1,
      async ({ a, b }) => {
        await b.coord.reboots('x').acquire({ node: 'm' });
        return () => a.coord.reboots('x').tryAcquire({ node: 'n' });
      },
    ],
    'the first trace': [
      3,
      async ({ a, b }) => {
        await b.coord.reboots('x').acquire({ node: 'm' });
        return () => a.coord.reboots('x').tryAcquire({ node: 'n', pollTtlSeconds: 60 });
      },
    ],
    'a trace again': [
      2,
      async ({ a, b }) => {
        await b.coord.reboots('x').acquire({ node: 'm' });
        await a.coord.reboots('x').tryAcquire({ node: 'n', pollTtlSeconds: 60 });
        return () => a.coord.reboots('x').tryAcquire({ node: 'n', pollTtlSeconds: 60 });
      },
    ],
  },
  '| status, plan | 1, more beyond 500 keys |': {
    status: [1, plain(({ a }) => a.coord.reboots('x').status())],
    plan: [1, plain(({ a }) => a.coord.reboots('x').plan('n'))],
  },
});
