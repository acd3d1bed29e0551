/**
 * Row 10: 10,000 watchers of the unmodified Go client on one prefix, over 10 connections; how many
 * events reach them in a second while 20 puts are made, one after the other.
 */
import { runLoad } from '../harness/load-generator.js';
import { runRow } from '../harness/run-row.js';
import type { ServerKind } from '../harness/server-command.js';
import { withServer } from '../harness/server-process.js';

const WATCHERS = 10_000;

await runRow({
  name: 'row-10-watch-fan-out',
  title: 'watch fan-out to 10,000 watchers, Go client',
  peer: 'etcd',
  needs: ['etcd', 'go'],
  measures: [{ name: 'events', unit: '/s', better: 'more', target: 1 }],
  open: async ({ options, folder, scaled }) => {
    const read = (kind: ServerKind) =>
      withServer(kind, folder, async ({ endpoint }) => {
        const load = { mode: 'watch', watchers: scaled(WATCHERS) } as const;
        return { events: (await runLoad(endpoint, load, options)).perSecond };
      });
    return { tidelock: () => read('tidelock'), peer: () => read('etcd') };
  },
});
