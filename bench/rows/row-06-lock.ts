/**
 * Row 6: an application in Node takes and gives back a lock that nobody else wants, again and
 * again, one at a time and a hundred different ones at once: our lock on our server, against the
 * lock of npm etcd3 on etcd.
 */
import { runNodeLoad } from '../harness/node-load.js';
import { runRow } from '../harness/run-row.js';
import type { ServerKind } from '../harness/server-command.js';
import { withServer } from '../harness/server-process.js';

const AT_ONCE = 100;
const ONE = 'cycles, one at a time';
const MANY = `cycles, ${AT_ONCE} locks at once`;

await runRow({
  name: 'row-06-lock',
  title: 'uncontended lock and unlock from Node',
  peer: 'npm etcd3 on etcd',
  needs: ['etcd'],
  measures: [
    { name: ONE, unit: '/s', better: 'more', target: 10 },
    { name: MANY, unit: '/s', better: 'more', target: 10 },
  ],
  open: async ({ options, folder }) => {
    const read = (library: string, kind: ServerKind) =>
      withServer(kind, folder, async ({ endpoint }) => {
        const load = async (concurrency: number): Promise<number> => {
          const flags = { library, endpoint, keys: 1, concurrency, mode: 'lock' };
          return (await runNodeLoad('node-application', flags, options)).perSecond;
        };
        return { [ONE]: await load(1), [MANY]: await load(AT_ONCE) };
      });
    return {
      tidelock: () => read('tidelock', 'tidelock'),
      peer: () => read('etcd3', 'etcd'),
    };
  },
});
