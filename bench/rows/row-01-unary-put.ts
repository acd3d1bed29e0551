/**
 * Row 1: single puts by the unmodified Go client, from 10 connections and 100 clients, against one
 * member. Each reading has a server and a data directory of its own.
 */
import { runLoad } from '../harness/load-generator.js';
import { runRow } from '../harness/run-row.js';
import type { ServerKind } from '../harness/server-command.js';
import { withServer } from '../harness/server-process.js';

const KEYS = 10_000;

await runRow({
  name: 'row-01-unary-put',
  title: 'unary put, Go client, 10 connections x 100 clients',
  peer: 'etcd',
  needs: ['etcd', 'go'],
  measures: [{ name: 'put', unit: '/s', better: 'more', target: 1 }],
  open: async ({ options, folder, scaled }) => {
    const read = (kind: ServerKind) =>
      withServer(kind, folder, async ({ endpoint }) => {
        const load = { mode: 'put', keys: scaled(KEYS) } as const;
        return { put: (await runLoad(endpoint, load, options)).perSecond };
      });
    return { tidelock: () => read('tidelock'), peer: () => read('etcd') };
  },
});
