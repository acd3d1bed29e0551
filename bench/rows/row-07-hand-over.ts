/**
 * Row 7: a lock for which a thousand wait, from the release by one to the grant of the next, beside
 * one put by the same client; and the watch events that all of them get for it, beside those of a
 * crowd of twenty.
 */
import { runNodeLoad } from '../harness/node-load.js';
import { runRow } from '../harness/run-row.js';
import { withServer } from '../harness/server-process.js';

const CROWD = 1000;
const FEW = 20;

await runRow({
  name: 'row-07-hand-over',
  title: 'a contended lock, 1,000 waiters in one Node application',
  peer: 'one put; 20 waiters',
  needs: [],
  measures: [
    { name: 'release to next grant p50', unit: 'ms', better: 'less', target: 2 },
    { name: 'watch events for one hand-over', unit: '', better: 'less', target: 1 },
  ],
  open: async ({ options, folder, scaled }) => {
    const load = (crowd: number) =>
      withServer('tidelock', folder, ({ endpoint }) =>
        runNodeLoad('crowd-application', { endpoint, crowd }, options),
      );
    return {
      tidelock: async () => {
        const { p50Ms, eventsPerOperation = 0 } = await load(Math.max(FEW, scaled(CROWD)));
        return {
          'release to next grant p50': p50Ms,
          'watch events for one hand-over': eventsPerOperation,
        };
      },
      peer: async () => ({
        'release to next grant p50': (await load(0)).p50Ms,
        'watch events for one hand-over': (await load(FEW)).eventsPerOperation ?? 0,
      }),
    };
  },
});
