/**
 * Row 5: how long a put and a get take from an application in Node that does one at a time: our
 * client on our server, against npm etcd3 on etcd. Medians over all calls of a reading.
 */
import { runNodeLoad } from '../harness/node-load.js';
import { runRow } from '../harness/run-row.js';
import type { ServerKind } from '../harness/server-command.js';
import { withServer } from '../harness/server-process.js';

const KEYS = 1000;

await runRow({
  name: 'row-05-node-latency',
  title: 'put and get from Node, one at a time',
  peer: 'npm etcd3 on etcd',
  needs: ['etcd'],
  measures: [
    { name: 'put p50', unit: 'ms', better: 'less', target: 0.5 },
    { name: 'get p50', unit: 'ms', better: 'less', target: 0.5 },
  ],
  open: async ({ options, folder, scaled }) => {
    const read = (library: string, kind: ServerKind) =>
      withServer(kind, folder, async ({ endpoint }) => {
        const flags = { library, endpoint, keys: scaled(KEYS), concurrency: 1 };
        const put = await runNodeLoad('node-application', { ...flags, mode: 'put' }, options);
        const get = await runNodeLoad('node-application', { ...flags, mode: 'get' }, options);
        return { 'put p50': put.p50Ms, 'get p50': get.p50Ms };
      });
    return {
      tidelock: () => read('tidelock', 'tidelock'),
      peer: () => read('etcd3', 'etcd'),
    };
  },
});
