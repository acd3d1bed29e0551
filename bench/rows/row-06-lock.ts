/**
 * Row 6: an application in Node takes and gives back a lock that nobody else wants, again and
 * again: our lock on our server, against the lock of npm etcd3 on etcd.
 */
import { runNodeLoad } from '../harness/node-load.js';
import { runRow } from '../harness/run-row.js';
import type { ServerKind } from '../harness/server-command.js';
import { withServer } from '../harness/server-process.js';

await runRow({
  name: 'row-06-lock',
  title: 'uncontended lock and unlock from Node',
  peer: 'npm etcd3 on etcd',
  needs: ['etcd'],
  measures: [{ name: 'cycles', unit: '/s', better: 'more', target: 10 }],
  open: async ({ options, folder }) => {
    const read = (library: string, kind: ServerKind) =>
      withServer(kind, folder, async ({ endpoint }) => {
        const flags = { library, endpoint, keys: 1, concurrency: 1, mode: 'lock' };
        return { cycles: (await runNodeLoad('node-application', flags, options)).perSecond };
      });
    return {
      tidelock: () => read('tidelock', 'tidelock'),
      peer: () => read('etcd3', 'etcd'),
    };
  },
});
