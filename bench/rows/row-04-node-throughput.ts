/**
 * Row 4: puts and gets from an application in Node at concurrency 100: our client on our server,
 * against npm etcd3 on etcd. Application and server are a process each, new for each reading.
 */
import { runNodeLoad } from '../harness/node-load.js';
import { runRow } from '../harness/run-row.js';
import type { ServerKind } from '../harness/server-command.js';
import { withServer } from '../harness/server-process.js';

const CONCURRENCY = 100;
const KEYS = 1000;

await runRow({
  name: 'row-04-node-throughput',
  title: 'put and get from Node, concurrency 100',
  peer: 'npm etcd3 on etcd',
  needs: ['etcd'],
  measures: [
    { name: 'put', unit: '/s', better: 'more', target: 10 },
    { name: 'get', unit: '/s', better: 'more', target: 10 },
  ],
  open: async ({ options, folder, scaled }) => {
    const read = (library: string, kind: ServerKind) =>
      withServer(kind, folder, async ({ endpoint }) => {
        const flags = { library, endpoint, keys: scaled(KEYS), concurrency: CONCURRENCY };
        const put = await runNodeLoad('node-application', { ...flags, mode: 'put' }, options);
        const get = await runNodeLoad('node-application', { ...flags, mode: 'get' }, options);
        return { put: put.perSecond, get: get.perSecond };
      });
    return {
      tidelock: () => read('tidelock', 'tidelock'),
      peer: () => read('etcd3', 'etcd'),
    };
  },
});
