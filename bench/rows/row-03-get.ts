/**
 * Row 3: single gets by the unmodified Go client, linearizable and serializable, from 10
 * connections and 100 clients, of keys that are there. Each reading has a server and a data
 * directory of its own.
 */
import { runLoad } from '../harness/load-generator.js';
import { runRow } from '../harness/run-row.js';
import type { ServerKind } from '../harness/server-command.js';
import { withServer } from '../harness/server-process.js';

const KEYS = 10_000;
const LOADERS = 10;

await runRow({
  name: 'row-03-get',
  title: 'unary get, Go client, 10 connections x 100 clients',
  peer: 'etcd',
  needs: ['etcd', 'go'],
  measures: [
    { name: 'linearizable', unit: '/s', better: 'more', target: 1 },
    { name: 'serializable', unit: '/s', better: 'more', target: 1 },
  ],
  open: async ({ options, folder, scaled }) => {
    const keys = scaled(KEYS);
    const read = (kind: ServerKind) =>
      withServer(kind, folder, async ({ endpoint }) => {
        await runLoad(endpoint, { mode: 'load', keys, clients: LOADERS }, options);
        const linearizable = await runLoad(endpoint, { mode: 'get', keys }, options);
        const serializable = await runLoad(endpoint, { mode: 'serializable-get', keys }, options);
        return {
          linearizable: linearizable.perSecond,
          serializable: serializable.perSecond,
        };
      });
    return { tidelock: () => read('tidelock'), peer: () => read('etcd') };
  },
});
